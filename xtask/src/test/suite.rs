//! One test executable: which tests it has, how it is run, what came of it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use super::libtest::{self, Outcome};
use super::record::{Skip, SuiteRecord};
use crate::artifacts::Executable;
use crate::elevate::Elevation;
use crate::failure::{Context, Result};
use crate::{process, workspace};

/// A kernel test executable where a lesson with a mistake in it, a learner's or a removal patch's, does no
/// harm to the host: started by `00-ground guard`.
fn guarded(exe: &Path, elevation: Elevation, environment: &[(&str, OsString)]) -> Command {
    let mut command = elevation.command(&workspace::bin_dir().join("00-ground"), environment);
    // They look at one host, so they look at it one after another.
    command.arg("guard").arg(exe).arg("--test-threads=1");
    command
}

/// A test executable with the name it goes by.
#[derive(Debug)]
pub struct Suite {
    /// `snapshots` for a target of the package `tests`, `01-clone-pid/lib` for the others.
    pub name: String,
    /// True for the package `tests`, whose tests start lessons and therefore run as root.
    pub kernel: bool,
    dir: PathBuf,
    exe: PathBuf,
}

impl Suite {
    /// Names the executable.
    pub fn of(built: Executable) -> Suite {
        let kernel = built.package_dir == workspace::root().join("tests");
        let package = built.package_dir.file_name().unwrap_or_default().display().to_string();
        let name = match built.kind.as_str() {
            "test" if kernel => built.name,
            "test" => format!("{package}/{}", built.name),
            kind => format!("{package}/{kind}"),
        };
        Suite { name, kernel, dir: built.package_dir, exe: built.path }
    }

    /// The names of its tests for which `SUITE::NAME` contains one of the filters.
    pub fn tests(&self, filters: &[String]) -> Result<Vec<String>> {
        let mut list = Command::new(&self.exe);
        let text = process::stdout(list.args(["--list", "--format", "terse"]))?;
        let wanted = |name: &&str| {
            let full = format!("{}::{name}", self.name);
            filters.is_empty() || filters.iter().any(|filter| full.contains(filter))
        };
        Ok(text.lines().filter_map(libtest::listed).filter(wanted).map(str::to_owned).collect())
    }

    /// Runs these of its tests, says what came of it, and returns it. What the executable prints
    /// goes to a file rather than a pipe: a process that a test has left behind cannot hold us up.
    pub fn run(
        &self,
        tests: &[String],
        elevation: Elevation,
        extra: &[(&str, OsString)],
    ) -> Result<SuiteRecord> {
        let output = self.file("out")?;
        let skips = self.file("skips")?;
        let start = Instant::now();
        if io::stderr().is_terminal() {
            eprint!("{}: {} tests …\r", self.name, tests.len());
        }
        let status = self.start(tests, elevation, extra, [&output, &skips])?;
        let seconds = start.elapsed().as_secs_f64();
        let text = String::from_utf8_lossy(&fs::read(&output).doing("read", &output)?).into_owned();
        let skips = fs::read_to_string(&skips).doing("read", &skips)?;
        let outcome = libtest::parse(&text);
        let mut record = self.sort(tests, &outcome, &skips);
        record.seconds = seconds;
        self.show(&record, &outcome.details);
        if died(status, &outcome) {
            record.failed.push(format!("(ended early: {status})"));
            println!("{}\n{}: ended early: {status}", text.trim_end(), self.name);
        }
        Ok(record)
    }

    fn start(
        &self,
        tests: &[String],
        elevation: Elevation,
        extra: &[(&str, OsString)],
        [output, skips]: [&Path; 2],
    ) -> Result<ExitStatus> {
        let mut environment = self.environment(skips);
        environment.extend_from_slice(extra);
        let mut command = match self.kernel {
            true => guarded(&self.exe, elevation, &environment),
            false => elevation.command(&self.exe, &environment),
        };
        command.arg("--exact").args(tests).current_dir(&self.dir);
        command.env_remove("INSTA_FORCE_PASS").stdin(Stdio::null());
        let file = File::create(output).doing("create", output)?;
        command.stderr(file.try_clone().doing("duplicate", output)?).stdout(file);
        process::status(&mut command)
    }

    /// What cargo would set, and what the tests are promised.
    fn environment(&self, skips: &Path) -> Vec<(&'static str, OsString)> {
        vec![
            ("CARGO_MANIFEST_DIR", self.dir.clone().into()),
            ("INSTA_WORKSPACE_ROOT", workspace::root().into()),
            ("INSTA_UPDATE", "no".into()),
            ("BXW_BIN_DIR", workspace::bin_dir().into()),
            // The tests look at what a lesson does to the host itself.
            ("BXW_ON_HOST", "1".into()),
            ("BXW_PROBE", workspace::bin_dir().join("bxw-probe").into()),
            ("BXW_SKIPS", skips.into()),
        ]
    }

    /// An empty file for this suite in `<target>/xtask`. Ours, so that root only writes into it.
    fn file(&self, extension: &str) -> Result<PathBuf> {
        let name = self.name.replace('/', "-");
        let path = workspace::state_dir()?.join(format!("{name}.{extension}"));
        fs::write(&path, "").doing("write", &path)?;
        Ok(path)
    }

    /// Puts each test into one of three lists. libtest takes a test that returns early for passed;
    /// the skips know better.
    fn sort(&self, tests: &[String], outcome: &Outcome, skips: &str) -> SuiteRecord {
        let mut skipped = skips_of(skips, tests);
        skipped.retain(|skip| !outcome.failed.contains(&skip.test));
        let ignored = outcome.ignored.iter().map(|test| Skip {
            test: test.clone(),
            need: "ignored".into(),
            reason: "marked so in the source".into(),
        });
        skipped.extend(ignored);
        let is_skipped = |test: &String| skipped.iter().any(|skip| skip.test == *test);
        let passed = |test: &&String| !outcome.failed.contains(test) && !is_skipped(test);
        let lived = outcome.counts.is_some();
        SuiteRecord {
            suite: self.name.clone(),
            kernel: self.kernel,
            passed: tests.iter().filter(|test| lived && passed(test)).cloned().collect(),
            failed: outcome.failed.clone(),
            skipped,
            seconds: 0.0,
        }
    }

    fn show(&self, record: &SuiteRecord, details: &str) {
        let [passed, failed] = [&record.passed, &record.failed].map(Vec::len);
        let counts = format!("{passed} passed, {failed} failed, {} skipped", record.skipped.len());
        println!("{}: {counts} ({:.1} s)", self.name, record.seconds);
        if !details.is_empty() {
            println!("\n{details}\n");
        }
    }
}

/// True when the executable ended without reporting, or with a status that its report belies.
fn died(status: ExitStatus, outcome: &Outcome) -> bool {
    outcome.counts.is_none() || (!status.success() && outcome.failed.is_empty())
}

/// Reads lines `test_name<TAB>need<TAB>reason`, the first of each test. A test may have given its
/// name without the modules it lies in.
fn skips_of(text: &str, tests: &[String]) -> Vec<Skip> {
    let mut skips: Vec<Skip> = Vec::new();
    for line in text.lines() {
        let mut fields = line.splitn(3, '\t').map(str::to_owned);
        let name = fields.next().unwrap_or_default();
        let inner = format!("::{name}");
        let full = tests.iter().find(|test| **test == name || test.ends_with(&inner));
        let test = full.cloned().unwrap_or(name);
        let (need, reason) = (fields.next(), fields.next().unwrap_or_default());
        if !skips.iter().any(|skip| skip.test == test) {
            skips.push(Skip { test, need: need.unwrap_or_else(|| "?".into()), reason });
        }
    }
    skips
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_finds_its_test_and_counts_once() {
        let tests = ["a::one".to_owned(), "two".to_owned()];
        let skips = skips_of("one\troot\tno uid 0\none\tkvm\tx\nelse\tswap\toff\n", &tests);
        let names: Vec<_> = skips.iter().map(|s| (s.test.as_str(), s.need.as_str())).collect();
        assert_eq!(names, [("a::one", "root"), ("else", "swap")]);
        assert_eq!(skips[0].reason, "no uid 0");
    }

    #[test]
    fn a_skipped_test_has_not_passed() {
        let exe = Executable {
            name: "probes".into(),
            kind: "test".into(),
            test: true,
            package_dir: workspace::root().join("tests"),
            path: PathBuf::new(),
        };
        let tests = ["a", "b", "c"].map(str::to_owned);
        let outcome =
            Outcome { failed: vec!["c".into()], counts: Some([2, 1, 0]), ..Outcome::default() };
        let record = Suite::of(exe).sort(&tests, &outcome, "b\troot\tr\nc\troot\tr\n");
        assert_eq!(record.suite, "probes");
        assert_eq!(record.passed, ["a"]);
        assert_eq!(record.failed, ["c"]);
        assert_eq!(record.skipped.len(), 1);
    }
}
