//! Even SIGKILL.

use std::time::Duration;

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, muted, step};

use crate::stage::{boxed, kill_from_inside, started, tell_state};

pub const EXPERIMENT: Experiment = Experiment {
    name: "kill-9-from-inside",
    title: "nobody in a box can kill or stop its PID 1",
    level: Level::Core,
    claims: &["C030"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

/// SIGKILL, SIGSTOP, SIGINT, SIGSEGV, SIGABRT
const SIGNALS: [i32; 5] = [9, 19, 2, 11, 6];

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "PID 1 does nothing about signals. Root in the box sends the two that nobody can catch, and three more",
    );
    let running = started(boxed("hold")?, "ready")?;
    let answers: Vec<_> =
        SIGNALS.iter().map(|signal| kill_from_inside(&running, *signal)).collect::<Result<_>>()?;
    let alive = running.outlasts(Duration::from_millis(20));
    let state = tell_state(&running)?;
    muted(|| running.kill())?;
    let untouched = alive && state == 'S' && answers.iter().all(|answer| answer == "0");
    if untouched {
        conclude(
            "five successful calls, and nothing has happened: who kills PID 1 kills the box, and that is for those outside",
        );
    }
    findings.holds("C030", untouched);
    Ok(())
}
