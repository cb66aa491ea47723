//! kill(2) of PID 1 by somebody in the box.

use std::time::Duration;

use clone_pid::Running;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use init_signals::{Handling, signal_names};

use crate::stage::{boxed, kill_from_inside, started, tell_state};

pub const EXPERIMENT: Experiment = Experiment {
    name: "from-inside",
    title: "SIGTERM from inside reaches PID 1 only if it has a handler",
    level: Level::Core,
    claims: &["C028"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

const SIGTERM: i32 = 15;

fn run(findings: &mut Findings) -> Result<()> {
    step("PID 1 does nothing about SIGTERM. Somebody in the box sends it");
    let default = survives("hold")?;
    if default == Some(0) {
        conclude(
            "kill says that all is well, PID 1 lives, and nothing is pending: the kernel has dropped the signal",
        );
    }
    step("PID 1 ignores it");
    let ignored = survives("ignore SIGTERM; hold")?;
    step("PID 1 blocks it");
    let blocked = survives("block SIGTERM; hold")?;
    if blocked == Some(1 << (SIGTERM - 1)) {
        conclude(
            "what PID 1 blocks is not dropped but kept: it could still ask for it. Inits are built on that",
        );
    }
    step("PID 1 has a handler");
    let mut running = started(boxed("listen TERM")?, "ready")?;
    let answer = kill_from_inside(&running, SIGTERM)?;
    let line = running.line()?.unwrap_or_default();
    box_evidence("PID 1 says", &line);
    muted(|| running.kill())?;
    let caught = answer == "0" && line == "got SIGTERM";
    if caught {
        conclude("a handler is a reason to deliver: whoever wants to be stopped must have one");
    }
    let kept = blocked == Some(1 << (SIGTERM - 1));
    findings.holds("C028", default == Some(0) && ignored == Some(0) && kept && caught);
    Ok(())
}

/// The signals that are pending for a PID 1 that lives on after SIGTERM from inside; `None` when it does not.
fn survives(script: &str) -> Result<Option<u64>> {
    let running = started(boxed(script)?, "ready")?;
    let answer = kill_from_inside(&running, SIGTERM)?;
    let alive = running.outlasts(Duration::from_millis(20)) && answer == "0";
    let pending = match alive {
        true => Some(tell_pending(&running)?),
        false => None,
    };
    muted(|| running.kill())?;
    Ok(pending)
}

fn tell_pending(running: &Running) -> Result<u64> {
    tell_state(running)?;
    let process = running.child().process();
    let pending = Handling::of(&process)?.0.pending;
    evidence(format!("{}, ShdPnd", process.file("status")), signal_names(pending));
    Ok(pending)
}
