//! The top level shows the kit's five rooms and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::Violation;
use crate::failure::{Context, Result};

const ROOMS: [&str; 6] = ["Cargo.toml", "README.md", "book", "lessons", "tests", "xtask"];
const BESIDE: [&str; 2] = ["Cargo.lock", "target"];

/// Compares what is committed at the top level with what belongs there.
pub fn check(root: &Path) -> Result<Vec<Violation>> {
    let names = committed(root).map_or_else(|| present(root), Ok)?;
    Ok(compare(&names))
}

fn compare(names: &BTreeSet<String>) -> Vec<Violation> {
    let belongs = |name: &str| {
        let beside = name.starts_with('.') || name.starts_with("LICENSE-");
        beside || ROOMS.contains(&name) || BESIDE.contains(&name)
    };
    let strange = names.iter().filter(|name| !belongs(name));
    let strange = strange.map(|name| Violation::new(name, 1, "does not belong at the top level"));
    let missing = ROOMS.iter().filter(|room| !names.contains(**room));
    let missing = missing.map(|room| Violation::new(*room, 1, "is missing at the top level"));
    strange.chain(missing).collect()
}

/// What git tracks: whatever else lies around in a learner's checkout is the learner's. None
/// outside of a repository, and before the first commit.
fn committed(root: &Path) -> Option<BTreeSet<String>> {
    let mut git = Command::new("git");
    let output = git.arg("-C").arg(root).args(["ls-files", "-z"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let names = text.split_terminator('\0').filter_map(|path| path.split('/').next());
    Some(names.map(str::to_owned).collect()).filter(|names: &BTreeSet<_>| !names.is_empty())
}

fn present(root: &Path) -> Result<BTreeSet<String>> {
    let entries = fs::read_dir(root).doing("read directory", root)?;
    Ok(entries.flatten().map(|entry| entry.file_name().display().to_string()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_and_gaps_are_named() {
        let mut names: BTreeSet<String> = ROOMS.iter().map(|room| room.to_string()).collect();
        names.extend([".ci", "LICENSE-MIT", "Cargo.lock"].map(str::to_owned));
        assert_eq!(compare(&names), []);
        names.remove("README.md");
        names.insert("common".into());
        let files: Vec<_> = compare(&names).into_iter().map(|v| v.file).collect();
        assert_eq!(files, ["common", "README.md"]);
    }
}
