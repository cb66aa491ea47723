//! Rules between packages: a lesson stands on lower numbers only, and what a learner builds first
//! stays small.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Violation;
use crate::artifacts;
use crate::failure::{Failure, Result};
use crate::lessons::{self, Lesson};
use crate::process;

/// The most crates in the tree of xtask, and of each lesson up to number 06.
const MOST_CRATES: usize = 45;
const SMALL_LESSONS: u32 = 6;

/// Checks dependencies and tree sizes.
pub fn check(root: &Path) -> Result<Vec<Violation>> {
    let mut found = order(root, &metadata()?);
    for lesson in lessons::discover(root)?.iter().filter(|l| l.number <= SMALL_LESSONS) {
        found.extend(size(lesson.package(), &format!("lessons/{}/Cargo.toml", lesson.dir))?);
    }
    found.extend(size("xtask", "xtask/Cargo.toml")?);
    Ok(found)
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    path: Option<PathBuf>,
}

fn metadata() -> Result<Metadata> {
    let mut command = artifacts::cargo("metadata");
    let text = process::stdout(command.args(["--no-deps", "--format-version", "1"]))?;
    serde_json::from_str(&text).map_err(|e| Failure::failed(format!("cargo metadata: {e}")))
}

fn order(root: &Path, metadata: &Metadata) -> Vec<Violation> {
    let mut found = Vec::new();
    for package in &metadata.packages {
        let Some(room) = package.manifest_path.parent().map(|dir| room(root, dir)) else {
            continue;
        };
        let inner = package.dependencies.iter().filter_map(|d| Some((d, d.path.as_ref()?)));
        for (dependency, path) in inner {
            let Some(reason) = forbidden(&room, &self::room(root, path)) else { continue };
            let manifest = package.manifest_path.strip_prefix(root);
            let manifest = manifest.unwrap_or(&package.manifest_path).display().to_string();
            let message = format!("depends on {}: {reason}", dependency.name);
            found.push(Violation::new(manifest, 1, message));
        }
    }
    found
}

/// Where a package lives: its lesson, or the top-level room it is in.
#[derive(Debug, PartialEq, Eq)]
enum Room {
    Lesson(u32),
    /// A package inside a lesson's directory: the probe, the program that fetches images.
    Inside(u32),
    Other(String),
}

fn room(root: &Path, dir: &Path) -> Room {
    let parts: Vec<_> = dir.strip_prefix(root).unwrap_or(dir).iter().collect();
    let names: Vec<&str> = parts.iter().filter_map(|part| part.to_str()).collect();
    let number = |lesson| Lesson::parse(lesson).map_or(99, |l| l.number);
    match names[..] {
        ["lessons", lesson] => Room::Lesson(number(lesson)),
        ["lessons", lesson, ..] => Room::Inside(number(lesson)),
        [other, ..] => Room::Other(other.to_owned()),
        [] => Room::Other(String::new()),
    }
}

fn forbidden(from: &Room, to: &Room) -> Option<&'static str> {
    match (from, to) {
        (Room::Lesson(from), Room::Lesson(to)) if to < from => None,
        (Room::Inside(from), Room::Lesson(to)) if to <= from => None,
        // Its tests may use what all tests share.
        (Room::Inside(_), Room::Other(room)) if room == "tests" => None,
        // A second package of its own directory: the init.
        (Room::Lesson(from), Room::Inside(to)) if to <= from => None,
        (Room::Lesson(_) | Room::Inside(_), _) => Some("a lesson stands on lower numbers only"),
        (Room::Other(room), Room::Lesson(_)) if room == "xtask" => Some("xtask knows no lesson"),
        _ => None,
    }
}

fn size(package: &str, manifest: &str) -> Result<Option<Violation>> {
    let mut command = artifacts::cargo("tree");
    command.args(["--package", package, "--edges", "normal", "--prefix", "none"]);
    let count = crates(&process::stdout(&mut command)?).len();
    let message = || format!("{count} crates in its tree; at most {MOST_CRATES}");
    Ok((count > MOST_CRATES).then(|| Violation::new(manifest, 1, message())))
}

/// The crates in cargo's tree, name and version, each once.
fn crates(tree: &str) -> BTreeSet<(&str, &str)> {
    let words = tree.lines().map(|line| line.split(' '));
    words.filter_map(|mut words| Some((words.next()?, words.next()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lesson_stands_on_lower_numbers_only() {
        let room = |path: &str| room(Path::new("/w"), Path::new(path));
        let allowed = |from, to| forbidden(&room(from), &room(to)).is_none();
        assert!(allowed("/w/lessons/02-mount-ns", "/w/lessons/01-clone-pid"));
        assert!(!allowed("/w/lessons/01-clone-pid", "/w/lessons/02-mount-ns"));
        assert!(!allowed("/w/lessons/01-clone-pid", "/w/tests"));
        assert!(allowed("/w/lessons/07-overlay/registry", "/w/lessons/07-overlay"));
        assert!(allowed("/w/lessons/09-init-signals", "/w/lessons/09-init-signals/init"));
        assert!(!allowed("/w/lessons/07-overlay", "/w/lessons/09-init-signals/init"));
        assert!(allowed("/w/tests", "/w/lessons/09-init-signals"));
        assert!(!allowed("/w/xtask", "/w/lessons/00-ground"));
    }

    #[test]
    fn a_crate_counts_once_a_version() {
        let tree = "a v1.0.0 (/w/a)\nb v1.0.0\nb v2.0.0\nb v1.0.0 (*)\n\nc v1.0.0 (proc-macro)\n";
        assert_eq!(crates(tree).len(), 4);
    }
}
