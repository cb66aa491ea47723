//! `docker stop`.

use std::time::Duration;

use clone_pid::Status;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use init_signals::stop;

use crate::stage::{boxed, comes_true, family, started, state, with_init};

pub const EXPERIMENT: Experiment = Experiment {
    name: "stop",
    title: "a stop is SIGTERM to PID 1, patience, and SIGKILL",
    level: Level::Deep,
    claims: &["C038"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

/// Docker's is ten seconds, too long for an experiment.
const GRACE: Duration = Duration::from_millis(300);

fn run(findings: &mut Findings) -> Result<()> {
    step("PID 1 has no handler, and a child. Stop the box, with a grace period of 300 ms");
    let running = started(boxed("fork listen TERM; hold")?, "ready")?;
    let child = family(&running)?.first().map(|(pid, _)| *pid);
    let (status, killed) = stop(running, libc::SIGTERM, GRACE)?;
    box_evidence("PID 1 was", status);
    let gone = comes_true(|| Ok(child.is_none_or(|child| state(child).is_none())))?;
    evidence("its child", if gone { "is gone" } else { "is still there" });
    let in_vain = killed && status == Status::Killed(libc::SIGKILL) && gone;
    if in_vain {
        conclude(
            "the whole grace period was in vain; and the child got no signal but the one that PID 1's death sent",
        );
    }
    step("A PID 1 with a handler");
    let (status, killed) = stopped("trap")?;
    let handled = !killed && status == Status::Exited(128 + 15);
    step("A command without a handler, behind an init");
    let running = muted(|| started(with_init("hold")?, "ready"))?;
    let (behind, killed) = stop(running, libc::SIGTERM, GRACE)?;
    box_evidence("PID 1", behind);
    let forwarded = !killed && behind == Status::Exited(128 + 15);
    if handled && forwarded {
        conclude(
            "both ended at once. A process that is not PID 1 dies of SIGTERM by default: an init is enough",
        );
    }
    findings.because("the others get no SIGKILL from the runtime, and after the grace period PID 1 gets one: they die because it does");
    findings.partly("C038", handled && forwarded, in_vain);
    Ok(())
}

fn stopped(script: &str) -> Result<(Status, bool)> {
    let running = muted(|| started(boxed(script)?, "ready"))?;
    let (status, killed) = stop(running, libc::SIGTERM, GRACE)?;
    box_evidence("PID 1", status);
    Ok((status, killed))
}
