//! SIGTERM from an ancestor of the box's PID namespace.

use std::time::Duration;

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, muted, step};

use crate::stage::{boxed, started, tell_state};

pub const EXPERIMENT: Experiment = Experiment {
    name: "term-from-host",
    title: "SIGTERM from the host is dropped as well, when PID 1 has no handler",
    level: Level::Deep,
    claims: &["C029"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("PID 1 does nothing about SIGTERM. The host sends it");
    let running = started(boxed("hold")?, "ready")?;
    running.signal(libc::SIGTERM)?;
    let alive = running.outlasts(Duration::from_millis(20));
    let state = tell_state(&running)?;
    muted(|| running.kill())?;
    if alive {
        conclude(
            "the call succeeded and PID 1 lives: only SIGKILL and SIGSTOP from above are exempt",
        );
    }
    findings.holds("C029", alive && state == 'S');
    Ok(())
}
