//! Where things are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::problem::{Problem, Problems};

/// Where the chapters are, from the top of the checkout.
pub const SRC: &str = "book/src";

/// The checkout, and the directory of recordings.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
    snapshots: PathBuf,
}

impl Workspace {
    /// The checkout that the current directory is in. `$BXW_SNAPSHOTS` names another directory of recordings.
    pub fn find() -> Result<Workspace, Problems> {
        let here = env::current_dir().map_err(|e| Problem::of(".", e))?;
        let is_root = |dir: &&Path| dir.join("book/book.toml").is_file();
        let root = here.ancestors().find(is_root);
        let root =
            root.ok_or_else(|| Problem::of(here.display(), "not in a Boxwright checkout"))?;
        let recorded = || root.join("tests/snapshots");
        let snapshots = env::var_os("BXW_SNAPSHOTS").map_or_else(recorded, PathBuf::from);
        Ok(Workspace { root: root.to_path_buf(), snapshots })
    }

    /// The checkout.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The chapters.
    pub fn src(&self) -> PathBuf {
        self.root.join(SRC)
    }

    /// The text of a file of the checkout.
    pub fn read(&self, path: &str) -> Result<String, String> {
        fs::read_to_string(self.root.join(path)).map_err(|e| format!("{path}: {e}"))
    }

    /// The recording `01/demo`, or one for each cgroup version where they differ.
    pub fn recordings(&self, name: &str) -> Result<Vec<Recording>, String> {
        let worlds = [(None, ""), (Some("cgroup v2"), ".v2"), (Some("cgroup v1"), ".v1")];
        let read = |(world, suffix): &(Option<&'static str>, &str)| {
            let text = self.recording(&format!("{name}{suffix}"))?;
            Some(Recording { world: *world, text })
        };
        let found: Vec<Recording> = worlds.iter().filter_map(read).collect();
        match found.is_empty() {
            true => Err(format!("nothing is recorded as tests/snapshots/{name}.snap")),
            false => Ok(found),
        }
    }

    /// The samples `04/cpu` of a demo, and the world in which they were taken: that which most learners have, if there.
    pub fn samples(&self, name: &str) -> Result<(&'static str, String), String> {
        let (lesson, value) =
            name.split_once('/').ok_or(format!("{name}: samples are named NN/VALUE"))?;
        let read = |(suffix, world): &(&str, &'static str)| {
            let file = self.snapshots.join(lesson).join(format!("samples-{value}.{suffix}.csv"));
            Some((*world, fs::read_to_string(file).ok()?))
        };
        let found = [("v2", "cgroup v2"), ("v1", "cgroup v1")].iter().find_map(read);
        found.ok_or_else(|| {
            format!("no samples are recorded as tests/snapshots/{lesson}/samples-{value}.*.csv: cargo xtask snap")
        })
    }

    /// The JSON object that a lesson lists its experiments in, when it is recorded.
    pub fn experiment_list(&self, lesson: &str) -> Option<String> {
        self.recording(&format!("{lesson}/list"))
    }

    fn recording(&self, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.snapshots.join(format!("{name}.snap"))).ok()?;
        Some(without_head(&text).to_string())
    }
}

/// insta puts a few lines about the snapshot before its text.
fn without_head(text: &str) -> &str {
    let rest = text.strip_prefix("---\n").and_then(|head| head.split_once("\n---\n"));
    rest.map_or(text, |(_, rest)| rest)
}

/// What a command printed, with the values that vary replaced.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The cgroup version it was recorded under, where that matters.
    pub world: Option<&'static str>,
    /// The lines.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_snapshot_is_not_output() {
        assert_eq!(without_head("---\nsource: x\n---\n\na\n---\nb"), "\na\n---\nb");
        assert_eq!(without_head("plain\n---\n"), "plain\n---\n");
    }
}
