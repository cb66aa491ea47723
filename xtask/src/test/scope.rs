//! What a test run has to build. Filters that name suites of the package `tests` need only those, and
//! a suite of one lesson only that lesson's binary: the others need not even compile.

use std::collections::BTreeSet;

use crate::artifacts::{self, Executable};
use crate::failure::Result;
use crate::lessons::{self, Lesson};
use crate::workspace;

/// What the filters ask for.
#[derive(Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything, or nobody knows.
    All,
    /// These test targets of the package `tests`.
    Targets(BTreeSet<String>),
}

impl Scope {
    /// `SUITE` and `SUITE::NAME` name a suite; any other filter may be a part of any test's name.
    pub fn of(filters: &[String]) -> Scope {
        let tests = workspace::root().join("tests/tests");
        let target = |filter: &String| {
            let suite = filter.split("::").next().unwrap_or_default();
            tests.join(suite).with_extension("rs").is_file().then(|| suite.to_owned())
        };
        match filters.iter().map(target).collect::<Option<BTreeSet<String>>>() {
            Some(targets) if !targets.is_empty() => Scope::Targets(targets),
            _ => Scope::All,
        }
    }

    /// Builds lesson binaries and probe, and the test executables, which are returned.
    pub fn build(&self) -> Result<Vec<Executable>> {
        let lessons = lessons::discover(&workspace::root())?;
        artifacts::build_lessons(lessons.iter().filter(|lesson| self.wants(lesson)))?;
        artifacts::build_box_programs()?;
        match self {
            Scope::All => artifacts::build_tests(),
            Scope::Targets(names) => artifacts::build_these_tests(names.iter().map(String::as_str)),
        }
    }

    fn wants(&self, lesson: &Lesson) -> bool {
        match self {
            Scope::All => true,
            Scope::Targets(names) => {
                lesson.is_ground()
                    || names
                        .iter()
                        .any(|name| of_one_lesson(name).is_none_or(|n| n == lesson.number))
            }
        }
    }
}

/// The number of the one lesson that a suite `lesson_NN…` starts.
fn of_one_lesson(suite: &str) -> Option<u32> {
    suite.strip_prefix("lesson_")?.get(..2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(filters: &[&str]) -> Scope {
        Scope::of(&filters.iter().map(|filter| filter.to_string()).collect::<Vec<_>>())
    }

    #[test]
    fn a_filter_that_names_a_suite_narrows_the_build() {
        let targets =
            |names: &[&str]| Scope::Targets(names.iter().map(|name| name.to_string()).collect());
        assert_eq!(scope(&["lesson_02::a_test"]), targets(&["lesson_02"]));
        assert_eq!(scope(&["hygiene", "lesson_02"]), targets(&["hygiene", "lesson_02"]));
    }

    #[test]
    fn a_filter_that_may_mean_any_test_narrows_nothing() {
        for filters in [&[][..], &["pid"], &["lesson_02", "pid"], &["lesson_99::x"], &[""]] {
            assert_eq!(scope(filters), Scope::All, "{filters:?}");
        }
    }

    #[test]
    fn a_suite_of_one_lesson_starts_that_lesson() {
        let lesson = |dir| Lesson::parse(dir).unwrap();
        assert!(scope(&["lesson_02_volumes"]).wants(&lesson("02-mount-ns")));
        assert!(scope(&["lesson_02_volumes"]).wants(&lesson("00-ground")));
        assert!(!scope(&["lesson_02_volumes"]).wants(&lesson("03-chroot")));
        assert!(scope(&["lesson_02", "bad_input"]).wants(&lesson("03-chroot")));
    }
}
