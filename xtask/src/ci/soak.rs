//! The same tests again and again: output that varies by luck shows itself here.

use crate::failure::{Failure, Result};
use crate::test::{self, Suite};
use crate::{artifacts, lessons, sys, workspace};

/// Runs the snapshot tests `times` times and the hygiene tests, which take longer, a tenth as
/// often. Stops at the first failure, whose output has then been shown.
pub fn soak(times: u32) -> Result<()> {
    artifacts::build_lessons(&lessons::discover(&workspace::root())?)?;
    artifacts::build_box_programs()?;
    sys::outlive_interrupts();
    repeat("snapshots", times)?;
    repeat("hygiene", (times / 10).max(1))
}

fn repeat(target: &str, times: u32) -> Result<()> {
    let suite = Suite::of(artifacts::build_test(target)?);
    let tests = suite.tests(&[])?;
    let elevation = test::privileged();
    for round in 1..=times {
        let record = suite.run(&tests, elevation, &[])?;
        if sys::interrupted() {
            return Err(Failure::status(130));
        }
        if !record.failed.is_empty() {
            return Err(Failure::failed(format!("{target} failed in round {round} of {times}")));
        }
    }
    Ok(())
}
