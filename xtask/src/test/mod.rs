//! `cargo xtask test`: what judges this checkout on this machine.
//!
//! Everything is built first, as the user. Then the test executables run one after another: unit
//! tests as the user, the package `tests` as root. A test that lacks something it needs says so in
//! the file `$BXW_SKIPS` and returns; it is counted as skipped, never as passed.

mod libtest;
pub mod record;
mod scope;
mod skips;
mod suite;

use std::path::Path;

use clap::Args;

use crate::elevate::{self, Elevation};
use crate::failure::{Failure, Result};
use crate::{process, sys, vm};
pub use record::{Record, SuiteRecord};
use scope::Scope;
pub use suite::Suite;

/// The arguments of `test`.
#[derive(Debug, Default, Args)]
pub struct TestArgs {
    /// Only tests whose SUITE::NAME contains one of these
    filters: Vec<String>,
    /// Fail when something ran in no world and tests/declared-skips.txt does not declare it
    #[arg(long)]
    deny_skips: bool,
    /// Not in the cgroup v2 machine, even where QEMU is installed
    #[arg(long)]
    no_vm: bool,
    /// Run nothing; show the table of the last complete run again
    #[arg(long, conflicts_with_all = ["filters", "deny_skips"])]
    last: bool,
}

/// Builds, runs, reports. The last line on stdout is always `N passed, N failed, N skipped`.
pub fn test(args: &TestArgs) -> Result<()> {
    if args.last {
        print!("{}", Record::load()?.report());
        return Ok(());
    }
    Record::forget(&args.filters)?;
    let suites = build(&args.filters)?;
    sys::outlive_interrupts();
    let mut record = run_all(&suites, &args.filters, None)?;
    if args.filters.is_empty() && !args.no_vm {
        record.suites.extend(in_machine(&suites)?);
    }
    print!("{}", record.report());
    if sys::interrupted() {
        return Err(Failure::status(130));
    }
    record.save()?;
    if args.deny_skips {
        record.deny_undeclared_skips()?;
    }
    record.verdict()
}

/// Builds here and runs the package `tests` at a given place. The record of the last run on this
/// machine stays what it is.
pub fn test_at(filters: &[String], place: Elevation) -> Result<()> {
    let suites: Vec<Suite> = build(filters)?.into_iter().filter(|suite| suite.kernel).collect();
    sys::outlive_interrupts();
    let record = run_all(&suites, filters, Some(place))?;
    print!("{}", record.report());
    if sys::interrupted() { Err(Failure::status(130)) } else { record.verdict() }
}

/// Builds what the tests named by the filters need.
fn build(filters: &[String]) -> Result<Vec<Suite>> {
    let mut suites: Vec<Suite> = Scope::of(filters).build()?.into_iter().map(Suite::of).collect();
    suites.sort_by(|a, b| (a.kernel, &a.name).cmp(&(b.kernel, &b.name)));
    Ok(suites)
}

fn run_all(suites: &[Suite], filters: &[String], place: Option<Elevation>) -> Result<Record> {
    let mut record = Record::new(filters);
    let mut elevation = place;
    for suite in suites {
        let tests = suite.tests(filters)?;
        if tests.is_empty() || sys::interrupted() {
            continue;
        }
        let elevation = match suite.kernel {
            true => *elevation.get_or_insert_with(privileged),
            false => Elevation::Direct,
        };
        record.suites.push(suite.run(&tests, elevation, &[])?);
    }
    Ok(record)
}

/// Hundreds of boxes at once, commands killed at random moments, thousands of zombies, gigabytes: too much for an emulated
/// CPU, and nothing of it asks for a version of cgroups.
const COUNTED: [&str; 4] =
    ["lesson_09_podman", "lesson_09_runtime_storms", "lesson_09_runtime_streams", "lesson_09_tini"];

/// The lessons once more, in the other cgroup world: what depends on no kernel or on no lesson is not
/// repeated.
fn in_machine(suites: &[Suite]) -> Result<Vec<SuiteRecord>> {
    let place = match vm::ready() {
        Ok(place) => place,
        Err(why) => return Ok(vec![SuiteRecord::left_out("vm", "vm", &why.to_string())]),
    };
    let in_both_worlds = |suite: &&Suite| {
        let name = suite.name.as_str();
        let of_lessons = ["snapshots", "top"].contains(&name) || name.starts_with("lesson_");
        suite.kernel && of_lessons && !COUNTED.contains(&name)
    };
    let mut records = Vec::new();
    for suite in suites.iter().filter(in_both_worlds) {
        if !sys::interrupted() {
            let record = suite.run(&suite.tests(&[])?, place, &[])?;
            records.push(SuiteRecord { suite: format!("vm/{}", record.suite), ..record });
        }
    }
    Ok(records)
}

/// Without root, or when sudo refuses, the kernel tests still run, and skip what they cannot do.
pub fn privileged() -> Elevation {
    let refused = || Failure::unusable("sudo refused; the kernel tests run without root");
    let root = elevate::to_root("the kernel tests start lessons").and_then(|elevation| {
        let status = process::status(&mut elevation.command(Path::new("true"), &[]))?;
        if status.success() { Ok(elevation) } else { Err(refused()) }
    });
    root.unwrap_or_else(|failure| {
        eprintln!("xtask: {failure}");
        Elevation::Direct
    })
}
