//! Which lessons there are, and which one somebody means.

use std::fs;
use std::path::Path;

use crate::failure::{Context, Failure, Result};

/// A directory `lessons/NN-name`, with its package `name` and its binary `NN-name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lesson {
    /// The lesson's number; 0 is the ground that the others stand on.
    pub number: u32,
    /// Directory and binary: `05-memory-oom`.
    pub dir: String,
}

impl Lesson {
    /// Reads `NN-name`; anything else is no lesson.
    pub fn parse(dir: &str) -> Option<Lesson> {
        let (number, name) = dir.split_once('-')?;
        let digits = number.len() == 2 && number.bytes().all(|b| b.is_ascii_digit());
        let number = number.parse().ok()?;
        (digits && !name.is_empty()).then(|| Lesson { number, dir: dir.to_owned() })
    }

    /// The cargo package: cargo allows no digit at the front.
    pub fn package(&self) -> &str {
        &self.dir[3..]
    }

    /// True for `00-ground`, which is the kit's own and not a lesson to run.
    pub fn is_ground(&self) -> bool {
        self.number == 0
    }
}

/// All directories of `root/lessons` that hold a package, ground first, in order of number.
pub fn discover(root: &Path) -> Result<Vec<Lesson>> {
    let dir = root.join("lessons");
    let entries = fs::read_dir(&dir).doing("read directory", &dir)?;
    let mut lessons: Vec<Lesson> = entries
        .filter_map(|entry| entry.ok())
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .filter_map(|entry| Lesson::parse(entry.file_name().to_str()?))
        .collect();
    lessons.sort();
    Ok(lessons)
}

/// The lessons proper: everything but the ground.
pub fn taught(root: &Path) -> Result<Vec<Lesson>> {
    Ok(discover(root)?.into_iter().filter(|lesson| !lesson.is_ground()).collect())
}

/// Finds the lesson that `wanted` means: `5`, `05`, `memory-oom` or `05-memory-oom`.
pub fn find<'a>(lessons: &'a [Lesson], wanted: &str) -> Result<&'a Lesson> {
    let number = wanted.parse::<u32>().ok();
    let found = lessons.iter().find(|lesson| {
        Some(lesson.number) == number || lesson.dir == wanted || lesson.package() == wanted
    });
    match found {
        Some(lesson) if lesson.is_ground() => Err(Failure::unusable(
            "00-ground is what the lessons stand on, not a lesson; \
             its commands are cargo xtask doctor, inspect PID and clean",
        )),
        Some(lesson) => Ok(lesson),
        None => Err(unknown(lessons, wanted)),
    }
}

fn unknown(lessons: &[Lesson], wanted: &str) -> Failure {
    let names = lessons.iter().filter(|lesson| !lesson.is_ground());
    let nearest = nearest(wanted, names.map(|lesson| lesson.dir.as_str()));
    Failure::unusable(format!("no lesson {wanted:?}; nearest: {}", nearest.join(", ")))
}

/// The up to three of `names` that look most like `wanted`, best first. A name with a number in
/// front is compared with and without it.
pub fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = wanted.to_lowercase();
    let likeness = |name: &str| {
        let parts = [Some(name), name.get(..2), name.get(3..)];
        let scores = parts.into_iter().flatten().map(|part| strsim::jaro_winkler(part, &wanted));
        scores.fold(0.0, f64::max)
    };
    let mut scored: Vec<(f64, &str)> = names.map(|name| (likeness(name), name)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Vec<Lesson> {
        let dirs = ["00-ground", "01-clone-pid", "02-mount-ns", "03-chroot", "05-memory-oom"];
        dirs.iter().filter_map(|dir| Lesson::parse(dir)).collect()
    }

    #[test]
    fn a_lesson_answers_to_number_and_name() {
        for wanted in ["5", "05", "memory-oom", "05-memory-oom"] {
            assert_eq!(find(&some(), wanted).unwrap().dir, "05-memory-oom", "{wanted}");
        }
    }

    #[test]
    fn an_unknown_lesson_names_the_nearest() {
        let message = find(&some(), "memory-omm").unwrap_err().to_string();
        assert!(message.starts_with("no lesson \"memory-omm\"; nearest: 05-memory-oom"));
        assert!(!message.contains("ground"));
        assert!(find(&some(), "4").is_err());
        assert!(find(&some(), "").is_err());
    }

    #[test]
    fn the_ground_is_no_lesson() {
        let message = find(&some(), "0").unwrap_err().to_string();
        assert!(message.contains("doctor"), "{message}");
    }

    #[test]
    fn only_two_digits_and_a_name_make_a_lesson() {
        for dir in ["1-x", "001-x", "ab-x", "01", "01-", "", "é1-x"] {
            assert_eq!(Lesson::parse(dir), None, "{dir}");
        }
        assert_eq!(Lesson::parse("02-mount-ns").unwrap().package(), "mount-ns");
    }

    #[test]
    fn nearest_prefers_the_likeliest() {
        let names = ["pid-one", "fresh-proc", "leak", "two-doors"];
        assert_eq!(nearest("freshproc", names.into_iter())[0], "fresh-proc");
        assert_eq!(nearest("x", ["é"].into_iter()), ["é"]);
    }
}
