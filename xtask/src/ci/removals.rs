//! Removal patches: each takes one mechanism out of a lesson, and the test that claims to guard the
//! mechanism has to fail. This is how the tests are tested.
//!
//! A patch is a file `tests/removals/NN-name.patch`, a unified diff against the committed sources
//! with two lines in front:
//!
//! ```text
//! # test: probes::child_sees_itself_as_pid_1
//! # part: PidNamespace no longer asks for CLONE_NEWPID
//! ```

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::slice::Iter;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::failure::{Context, Failure, Result};
use crate::test::{Record, record};
use crate::{process, sys, workspace};

/// A patch and what it is expected to break.
#[derive(Debug, PartialEq, Eq)]
struct Removal {
    file: PathBuf,
    /// The test executable, as `cargo xtask test` names it.
    suite: String,
    /// A part of the test's name.
    test: String,
    /// What is taken out.
    part: String,
}

/// Two worktrees of HEAD work side by side: most of a verdict is waiting for what does not come. Each for a user of its
/// own, so that neither sees the other's boxes; only root can pretend to be somebody's sudo.
fn owners() -> &'static [u32] {
    if sys::is_root() { &[64_001, 64_002] } else { &[0] }
}

/// Applies each patch to a worktree of HEAD, one at a time, and runs its test there.
pub fn removals() -> Result<()> {
    let removals = read_all(&workspace::root().join("tests/removals"))?;
    if removals.is_empty() {
        return Err(Failure::failed("tests/removals holds no patch"));
    }
    sys::outlive_interrupts();
    let trees =
        owners().iter().map(|owner| Worktree::of_head(*owner)).collect::<Result<Vec<_>>>()?;
    baseline(&trees[0], &removals)?;
    let queue = Mutex::new(removals.iter());
    let survived = AtomicUsize::new(0);
    let all: Result<()> = thread::scope(|scope| {
        let work = |tree| {
            let (queue, survived) = (&queue, &survived);
            scope.spawn(move || judge_from(queue, tree, survived))
        };
        let workers: Vec<_> = trees.iter().map(work).collect();
        let died = |_| Failure::failed("a worker panicked");
        workers.into_iter().try_for_each(|worker| worker.join().map_err(died))
    });
    all?;
    match (sys::interrupted(), survived.into_inner()) {
        (true, _) => Err(Failure::status(130)),
        (false, 0) => Ok(()),
        (false, n) => Err(Failure::failed(format!("{n} removals"))),
    }
}

/// Takes patches from the queue until it is empty.
fn judge_from(queue: &Mutex<Iter<Removal>>, tree: &Worktree, survived: &AtomicUsize) {
    let next = || queue.lock().ok()?.next();
    while let Some(removal) = next().filter(|_| !sys::interrupted()) {
        let name = removal.file.file_name().unwrap_or_default().display();
        match tree.judge(removal) {
            _ if sys::interrupted() => {}
            Ok(()) => println!("{name}: {} fails, as it must ({})", removal.test, removal.part),
            Err(failure) => {
                println!("{name}: {failure}");
                survived.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Without a patch every named test has to pass: otherwise its failure proves nothing.
fn baseline(tree: &Worktree, removals: &[Removal]) -> Result<()> {
    let filters: Vec<String> = removals.iter().map(Removal::filter).collect();
    let record = tree.test(&filters)?;
    for removal in removals {
        if !record.has(&removal.suite, &removal.test, |suite| &suite.passed) {
            let filter = removal.filter();
            return Err(Failure::failed(format!("{filter} does not pass without a patch")));
        }
    }
    Ok(())
}

impl Removal {
    fn filter(&self) -> String {
        format!("{}::{}", self.suite, self.test)
    }
}

/// Reads all patches in order of name.
fn read_all(dir: &Path) -> Result<Vec<Removal>> {
    let entries = fs::read_dir(dir).doing("read directory", dir)?;
    let mut patches: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    patches.retain(|path| path.extension().is_some_and(|e| e == "patch"));
    patches.sort();
    patches.into_iter().map(read).collect()
}

fn read(file: PathBuf) -> Result<Removal> {
    let text = fs::read_to_string(&file).doing("read", &file)?;
    parse(&file, &text).map_err(|what| Failure::failed(format!("{}: {what}", file.display())))
}

/// Reads the lines in front of the diff.
fn parse(file: &Path, text: &str) -> std::result::Result<Removal, String> {
    let head: Vec<&str> = text.lines().map_while(|line| line.strip_prefix('#')).collect();
    let field = |name: &str| {
        let value = head.iter().find_map(|line| line.trim().strip_prefix(name)).map(str::trim);
        value
            .filter(|value| !value.is_empty())
            .ok_or_else(|| format!("no line \"# {name} …\" before the diff"))
    };
    let test = field("test:")?;
    let (suite, test) = test.split_once("::").ok_or("\"# test:\" is not SUITE::NAME")?;
    let part = field("part:")?.to_owned();
    Ok(Removal { file: file.to_owned(), suite: suite.into(), test: test.into(), part })
}

/// A checkout of HEAD beside the target directory's other contents, with a target directory of its
/// own that later runs find warm. The checkout is removed on every way out.
struct Worktree {
    owner: u32,
    dir: PathBuf,
    target: PathBuf,
}

impl Worktree {
    fn of_head(owner: u32) -> Result<Worktree> {
        let base = workspace::bin_dir().with_file_name("removals").join(owner.to_string());
        let tree = Worktree { owner, dir: base.join("tree"), target: base.join("target") };
        fs::create_dir_all(&tree.target).doing("make directory", &tree.target)?;
        tree.remove();
        git(&workspace::root(), &["worktree", "add", "--quiet", "--detach"], &tree.dir)?;
        Ok(tree)
    }

    /// Removes the checkout, also one that a killed run has left.
    fn remove(&self) {
        if self.dir.exists() {
            let _ = git(&workspace::root(), &["worktree", "remove", "--force"], &self.dir);
            let _ = fs::remove_dir_all(&self.dir);
        }
        let mut prune = Command::new("git");
        let _ = prune.current_dir(workspace::root()).args(["worktree", "prune"]).status();
    }

    /// Ok when the patch makes its test fail.
    fn judge(&self, removal: &Removal) -> Result<()> {
        git(&self.dir, &["apply"], &removal.file)
            .map_err(|_| Failure::failed("does not apply to HEAD: make it anew"))?;
        let record = self.test(&[removal.filter()]);
        git(&self.dir, &["apply", "--reverse"], &removal.file)?;
        match record?.has(&removal.suite, &removal.test, |suite| &suite.failed) {
            true => Ok(()),
            false => Err(Failure::failed(format!(
                "{} still passes although taken out: {}",
                removal.filter(),
                removal.part
            ))),
        }
    }

    /// `cargo xtask test FILTER…` in the checkout. A run that leaves no record has not got as far
    /// as testing: the patched sources do not compile.
    fn test(&self, filters: &[String]) -> Result<Record> {
        let record = self.target.join("xtask").join(record::FILTERED);
        let _ = fs::remove_file(&record);
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["xtask", "test"]).args(filters).current_dir(&self.dir);
        if self.owner != 0 {
            cargo.env("SUDO_UID", self.owner.to_string());
        }
        let output = cargo.env("CARGO_TARGET_DIR", &self.target).output();
        let output = output.doing("start cargo in", &self.dir)?;
        let text = fs::read_to_string(&record).map_err(|_| {
            let stderr = String::from_utf8_lossy(&output.stderr);
            Failure::failed(format!("does not get as far as testing:\n{}", stderr.trim_end()))
        })?;
        serde_json::from_str(&text)
            .map_err(|e| Failure::failed(format!("{}: {e}", record.display())))
    }
}

impl Drop for Worktree {
    fn drop(&mut self) {
        self.remove();
    }
}

fn git(dir: &Path, words: &[&str], object: &Path) -> Result<()> {
    let mut git = Command::new("git");
    process::succeed(process::status(git.current_dir(dir).args(words).arg(object))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_says_what_it_breaks() {
        let text =
            "# test: probes::pid_1\n#part:  no CLONE_NEWPID\n\ndiff --git a b\n# test: x::y\n";
        let removal = parse(Path::new("01-pid.patch"), text).unwrap();
        assert_eq!(removal.filter(), "probes::pid_1");
        assert_eq!(removal.part, "no CLONE_NEWPID");
    }

    #[test]
    fn a_patch_without_its_header_is_refused() {
        for text in ["", "diff\n# test: a::b\n# part: c\n", "# test: a\n# part: b", "# test: a::b"]
        {
            assert!(parse(Path::new("x"), text).is_err(), "{text:?}");
        }
    }
}
