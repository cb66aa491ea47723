//! Which skips are fine: a test or an experiment that ran in the other world, and what `tests/declared-skips.txt` declares.
//!
//! The lessons run on this machine and in the disposable one, which have different kinds of cgroups. What one of them has
//! to leave out the other one can do, with few exceptions; those are declared, each with its reason.

use std::collections::BTreeSet;
use std::fs;

use super::record::{Record, Skip, SuiteRecord};
use crate::failure::{Failure, Result};
use crate::workspace;

/// Lines of `WORD  # reason`. For an experiment the word is a claim, `C118`; for a test a need.
const DECLARED: &str = "tests/declared-skips.txt";

impl Record {
    /// Fails when something was skipped that ran nowhere else and is not declared.
    pub fn deny_undeclared_skips(&self) -> Result<()> {
        let text = fs::read_to_string(workspace::root().join(DECLARED)).unwrap_or_default();
        let left = self.undeclared(&declared(&text));
        let line = |(suite, skip): &(&SuiteRecord, &Skip)| {
            println!("{}::{}: ran nowhere: needs {}", suite.suite, skip.test, skip.need);
        };
        left.iter().for_each(line);
        match left.len() {
            0 => Ok(()),
            n => Err(Failure::failed(format!(
                "{n} ran in no world, and {DECLARED} does not declare it"
            ))),
        }
    }

    fn undeclared(&self, declared: &BTreeSet<&str>) -> Vec<(&SuiteRecord, &Skip)> {
        let skips =
            self.suites.iter().flat_map(|suite| suite.skipped.iter().map(move |s| (suite, s)));
        let unknown = |(_, skip): &(&SuiteRecord, &Skip)| !skip.is_declared(declared);
        skips.filter(unknown).filter(|(suite, skip)| !self.ran_elsewhere(suite, skip)).collect()
    }

    /// Whether the same suite did in the other world what it skipped in this one.
    fn ran_elsewhere(&self, suite: &SuiteRecord, skip: &Skip) -> bool {
        let other = |other: &&SuiteRecord| {
            other.suite != suite.suite && bare(&other.suite) == bare(&suite.suite)
        };
        let did = |other: &SuiteRecord| {
            let left_out = other.skipped.iter().any(|s| s.test == skip.test);
            other.passed.contains(&skip.test_of_lesson()) && !left_out
        };
        self.suites.iter().filter(other).any(did)
    }
}

impl Skip {
    /// `05-memory-oom/swap C115`: an experiment that a test of all experiments left out.
    fn experiment(&self) -> Option<(&str, Vec<&str>)> {
        let (lesson, experiment) = self.test.split_once('/')?;
        Some((lesson, experiment.split(' ').skip(1).collect()))
    }

    /// The test that had to do it.
    fn test_of_lesson(&self) -> String {
        match self.experiment() {
            Some((lesson, _)) => {
                format!("lesson_{}_tells_what_was_recorded", lesson.get(..2).unwrap_or_default())
            }
            None => self.test.clone(),
        }
    }

    fn is_declared(&self, declared: &BTreeSet<&str>) -> bool {
        match self.experiment() {
            Some((_, claims)) => {
                !claims.is_empty() && claims.iter().all(|claim| declared.contains(claim))
            }
            None => declared.contains(self.need.as_str()),
        }
    }
}

/// The suite's name without its world.
fn bare(suite: &str) -> &str {
    suite.strip_prefix("vm/").unwrap_or(suite)
}

fn declared(text: &str) -> BTreeSet<&str> {
    let words = text.lines().filter_map(|line| line.split('#').next());
    words.map(str::trim).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST: &str = "lesson_05_tells_what_was_recorded";
    const SWAP: &str = "05-memory-oom/swap C115";

    fn suite(name: &str, passed: &[&str], skipped: &[&str]) -> SuiteRecord {
        let skip =
            |test: &&str| Skip { test: test.to_string(), need: "n".into(), reason: "r".into() };
        SuiteRecord {
            suite: name.into(),
            passed: passed.iter().map(|test| test.to_string()).collect(),
            skipped: skipped.iter().map(skip).collect(),
            ..SuiteRecord::default()
        }
    }

    fn undeclared(suites: Vec<SuiteRecord>, declared: &[&str]) -> usize {
        let record = Record { suites, ..Record::default() };
        record.undeclared(&declared.iter().copied().collect()).len()
    }

    #[test]
    fn what_ran_in_the_other_world_is_no_gap() {
        let here = || suite("snapshots", &[TEST], &[]);
        let there = || suite("vm/snapshots", &[TEST], &[SWAP]);
        assert_eq!(undeclared(vec![here(), there()], &[]), 0);
        assert_eq!(undeclared(vec![there()], &[]), 1);
        assert_eq!(
            undeclared(
                vec![suite("snapshots", &[], &[TEST]), suite("vm/snapshots", &[TEST], &[])],
                &[]
            ),
            0
        );
    }

    #[test]
    fn what_ran_nowhere_must_be_declared_by_claim() {
        let worlds =
            || vec![suite("snapshots", &[TEST], &[SWAP]), suite("vm/snapshots", &[TEST], &[SWAP])];
        assert_eq!(undeclared(worlds(), &[]), 2);
        assert_eq!(undeclared(worlds(), &["n"]), 2);
        assert_eq!(undeclared(worlds(), &["C115"]), 0);
    }

    #[test]
    fn an_experiment_without_a_claim_must_run_somewhere() {
        let bare = "05-memory-oom/memory-high";
        let world = |name, skipped: &[&str]| suite(name, &[TEST], skipped);
        assert_eq!(undeclared(vec![world("snapshots", &[bare])], &["memory-v2", "n"]), 1);
        assert_eq!(
            undeclared(vec![world("snapshots", &[bare]), world("vm/snapshots", &[])], &[]),
            0
        );
    }

    #[test]
    fn a_test_that_failed_elsewhere_has_not_run_there() {
        let worlds = vec![suite("snapshots", &[], &[]), suite("vm/snapshots", &[TEST], &[SWAP])];
        assert_eq!(undeclared(worlds, &[]), 1);
    }

    #[test]
    fn declared_needs_are_the_first_words() {
        let text = "# none of these on CI\nswap  # no swap\n\nC118# a reason\n";
        assert_eq!(Vec::from_iter(declared(text)), ["C118", "swap"]);
    }
}
