//! A worker dies, and the box runs on.

use std::time::Duration;

use clone_pid::Status;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use nix::sys::signal::Signal;

use crate::stage::{boxed, children, family, reaches, send, started, with_init};

pub const EXPERIMENT: Experiment = Experiment {
    name: "unnoticed",
    title: "the runtime sees the end of PID 1, and of nobody else",
    level: Level::Deep,
    claims: &["C022"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("PID 1 has a worker and does not look after it. Somebody kills the worker");
    let running = started(boxed("fork sleep 60; await USR1; exit 0")?, "awaiting")?;
    let worker = family(&running)?[0].0;
    send(worker, Signal::SIGKILL)?;
    let zombie = reaches(worker, "Z")?;
    evidence("the worker, State", if zombie { 'Z' } else { '?' });
    let alive = running.outlasts(Duration::from_millis(20));
    evidence("the box", if alive { "runs on" } else { "has ended" });
    muted(|| running.signal(libc::SIGUSR1))?;
    let hidden = running.wait()?;
    box_evidence("later PID 1", hidden);
    let unnoticed = zombie && alive && hidden == Status::Exited(0);
    if unnoticed {
        conclude("a success, and nobody was ever told that the worker was killed");
    }
    step("The same worker as the child of an init");
    let running = started(with_init("hold")?, "ready")?;
    send(children(running.child().pid())?[0], Signal::SIGKILL)?;
    let seen = running.wait()?;
    box_evidence("PID 1", seen);
    let supervised = seen == Status::Exited(128 + 9);
    if supervised {
        conclude("who supervises ends when its child ends, and says 128 + 9");
    }
    findings.holds("C022", unnoticed && supervised);
    Ok(())
}
