//! The same tests again and again: output that varies by luck shows itself here. And crowds of boxes as large as they are
//! meant to be: `cargo xtask test` has time for small ones only.

use std::ffi::OsString;

use crate::failure::{Failure, Result};
use crate::test::{self, Suite};
use crate::{artifacts, lessons, sys, workspace};

/// Tests whose crowds have the size that `BXW_SOAK` says: 1 for 200 boxes at once, 2,000 in a row and a gigabyte of output.
const CROWDS: [&str; 2] = ["lesson_09_runtime_storms", "lesson_09_runtime_streams"];

/// Runs the snapshot tests `times` times and the hygiene tests, which take longer, a tenth as
/// often, and the crowds once. Stops at the first failure, whose output has then been shown.
pub fn soak(times: u32) -> Result<()> {
    artifacts::build_lessons(&lessons::discover(&workspace::root())?)?;
    artifacts::build_box_programs()?;
    sys::outlive_interrupts();
    repeat("snapshots", times, &[])?;
    repeat("hygiene", (times / 10).max(1), &[])?;
    let soak = [("BXW_SOAK", std::env::var_os("BXW_SOAK").unwrap_or("1".into()))];
    CROWDS.iter().try_for_each(|suite| repeat(suite, 1, &soak))
}

fn repeat(target: &str, times: u32, environment: &[(&str, OsString)]) -> Result<()> {
    let suite = Suite::of(artifacts::build_test(target)?);
    let tests = suite.tests(&[])?;
    let elevation = test::privileged();
    for round in 1..=times {
        let record = suite.run(&tests, elevation, environment)?;
        if sys::interrupted() {
            return Err(Failure::status(130));
        }
        if !record.failed.is_empty() {
            return Err(Failure::failed(format!("{target} failed in round {round} of {times}")));
        }
    }
    Ok(())
}
