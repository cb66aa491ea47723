//! What a test run came to: shown as a table, kept as JSON for `ci` and for `test --last`.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::failure::{Context, Failure, Result};
use crate::table::{layout, row};
use crate::workspace;

/// Suites of the package `tests` that read files only, so that their passing proves nothing about
/// the kernel.
const PAPER_SUITES: [&str; 1] = ["ledger"];

/// A whole run.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Record {
    /// What narrowed the run; empty for a complete one.
    pub filters: Vec<String>,
    /// The executables, in the order they ran.
    pub suites: Vec<SuiteRecord>,
}

/// One executable's part of a run. Every test is in exactly one of the three lists.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct SuiteRecord {
    /// `01-clone-pid/lib`, or the bare target name in the package `tests`.
    pub suite: String,
    /// True for the package `tests`.
    pub kernel: bool,
    /// Names of passed tests.
    pub passed: Vec<String>,
    /// Names of failed tests.
    pub failed: Vec<String>,
    /// Skipped tests and what they lacked.
    pub skipped: Vec<Skip>,
    /// How long it took.
    pub seconds: f64,
}

impl SuiteRecord {
    /// A suite that could not even begin: one skip for all its tests.
    pub fn left_out(suite: &str, need: &str, reason: &str) -> SuiteRecord {
        let skip = Skip { test: "(all)".into(), need: need.into(), reason: reason.into() };
        SuiteRecord { suite: suite.into(), skipped: vec![skip], ..SuiteRecord::default() }
    }
}

/// A test that could not run here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skip {
    /// The test's name.
    pub test: String,
    /// The missing need, by its identifier.
    pub need: String,
    /// What was observed.
    pub reason: String,
}

impl Record {
    /// An empty record of a run with these filters.
    pub fn new(filters: &[String]) -> Self {
        Record { filters: filters.to_vec(), suites: Vec::new() }
    }

    /// The last complete run.
    pub fn load() -> Result<Record> {
        let path = path(false)?;
        let text = fs::read_to_string(&path).map_err(|error| {
            let path = path.display();
            Failure::unusable(format!("read {path}: {error}: run cargo xtask test first"))
        })?;
        serde_json::from_str(&text).map_err(|e| Failure::failed(format!("{}: {e}", path.display())))
    }

    /// Removes what an earlier run has kept: should this one not get as far as testing, its place
    /// stays empty.
    pub fn forget(filters: &[String]) -> Result<()> {
        let path = path(!filters.is_empty())?;
        if path.exists() { fs::remove_file(&path).doing("remove", &path) } else { Ok(()) }
    }

    /// Keeps the record. A narrowed run does not replace a complete one.
    pub fn save(&self) -> Result<()> {
        let path = path(!self.filters.is_empty())?;
        let text = serde_json::to_string_pretty(self);
        let text = text.map_err(|e| Failure::failed(format!("test record: {e}")))?;
        fs::write(&path, text).doing("write", &path)
    }

    /// Table, skips, and the line that everything ends with.
    pub fn report(&self) -> String {
        let [passed, failed, skipped] = self.totals();
        let summary = format!("{passed} passed, {failed} failed, {skipped} skipped\n");
        let failures = self.lines("failed", |suite| suite.failed.clone());
        let skip = |s: &Skip| format!("{}: needs {}: {}", s.test, s.need, s.reason);
        let skips = self.lines("skipped", |suite| suite.skipped.iter().map(skip).collect());
        format!("\n{}{failures}{skips}\n{summary}", self.table())
    }

    fn table(&self) -> String {
        let mut rows = vec![row(["suite", "passed", "failed", "skipped", "seconds"])];
        for suite in &self.suites {
            let [passed, failed, skipped] = suite.counts().map(|count| count.to_string());
            let seconds = format!("{:.2}", suite.seconds);
            rows.push(vec![suite.suite.clone(), passed, failed, skipped, seconds]);
        }
        layout(&rows, &[1, 2, 3, 4])
    }

    fn lines(&self, heading: &str, of: impl Fn(&SuiteRecord) -> Vec<String>) -> String {
        let line = |s: &SuiteRecord, text: String| format!("  {}::{text}\n", s.suite);
        let lines = self.suites.iter().map(|s| of(s).into_iter().map(|l| line(s, l)).collect());
        let lines = lines.collect::<Vec<String>>().concat();
        if lines.is_empty() { lines } else { format!("\n{heading}:\n{lines}") }
    }

    fn totals(&self) -> [usize; 3] {
        let add = |a: [usize; 3], b: [usize; 3]| [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
        self.suites.iter().map(SuiteRecord::counts).fold([0; 3], add)
    }

    /// Exit status 1 when a test failed, 2 when no test looked at the kernel.
    pub fn verdict(&self) -> Result<()> {
        if self.totals()[1] > 0 {
            return Err(Failure::status(1));
        }
        let kernel: Vec<_> = self.suites.iter().filter(|suite| suite.looks_at_kernel()).collect();
        let none_ran = kernel.iter().all(|suite| suite.passed.is_empty());
        let some_wanted = self.filters.is_empty() || !kernel.is_empty();
        if some_wanted && none_ran {
            return Err(Failure::unusable(
                "no kernel test could run: run as root or install sudo, and see cargo xtask doctor",
            ));
        }
        if self.suites.is_empty() {
            return Err(Failure::unusable(format!("no test matches {}", self.filters.join(", "))));
        }
        Ok(())
    }

    /// True when a test whose name contains `name` is in the suite's list that `of` selects.
    pub fn has(&self, suite: &str, name: &str, of: impl Fn(&SuiteRecord) -> &[String]) -> bool {
        let suites = self.suites.iter().filter(|record| record.suite == suite);
        suites.flat_map(of).any(|test| test.contains(name))
    }
}

impl SuiteRecord {
    fn counts(&self) -> [usize; 3] {
        [self.passed.len(), self.failed.len(), self.skipped.len()]
    }

    fn looks_at_kernel(&self) -> bool {
        self.kernel && !PAPER_SUITES.contains(&self.suite.as_str())
    }
}

fn path(filtered: bool) -> Result<PathBuf> {
    let name = if filtered { FILTERED } else { "last-test.json" };
    Ok(workspace::state_dir()?.join(name))
}

/// Where a narrowed run is kept, in `<target>/xtask`.
pub const FILTERED: &str = "last-filtered-test.json";

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(name: &str, passed: &[&str], failed: &[&str], needs: &[&str]) -> SuiteRecord {
        let names = |names: &[&str]| names.iter().map(|n| n.to_string()).collect();
        let skip = |n: &&str| Skip { test: "t".into(), need: n.to_string(), reason: "r".into() };
        SuiteRecord {
            suite: name.into(),
            kernel: true,
            passed: names(passed),
            failed: names(failed),
            skipped: needs.iter().map(skip).collect(),
            seconds: 0.5,
        }
    }

    fn record(suites: Vec<SuiteRecord>) -> Record {
        Record { filters: vec![], suites }
    }

    fn code(result: Result<()>) -> String {
        result.map_or_else(|f| format!("{:?}", f.exit_code()), |()| "ok".into())
    }

    #[test]
    fn the_report_ends_with_the_summary() {
        let report = record(vec![suite("probes", &["a", "b"], &["c"], &["root"])]).report();
        assert!(report.ends_with("\n\n2 passed, 1 failed, 1 skipped\n"), "{report}");
        assert!(report.contains("\n  probes::t: needs root: r\n"), "{report}");
        assert!(report.contains("\n  probes::c\n"), "{report}");
    }

    #[test]
    fn a_run_without_a_kernel_test_is_no_pass() {
        let paper = || suite("ledger", &["a"], &[], &[]);
        let unit = SuiteRecord { kernel: false, ..suite("book/bin", &["a"], &[], &[]) };
        let skipped = record(vec![unit, paper(), suite("probes", &[], &[], &["root"])]);
        assert!(code(skipped.verdict()).contains('2'));
        assert_eq!(code(record(vec![paper(), suite("probes", &["x"], &[], &[])]).verdict()), "ok");
        assert!(code(record(vec![suite("probes", &["x"], &["y"], &[])]).verdict()).contains('1'));
    }
}
