//! SIGKILL and SIGSTOP from an ancestor of the box's PID namespace.

use clone_pid::Status;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};

use crate::stage::{boxed, reaches, started, state};

pub const EXPERIMENT: Experiment = Experiment {
    name: "from-host",
    title: "from the host SIGSTOP stops PID 1 and SIGKILL kills it",
    level: Level::Core,
    claims: &["C031"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    let running = muted(|| started(boxed("hold")?, "ready"))?;
    let process = running.child().pid();
    let file = format!("{}, State", running.child().process().file("status"));
    let mut as_told = true;
    for (signal, letter, word) in
        [(libc::SIGSTOP, "T", "stopped"), (libc::SIGCONT, "S", "sleeping")]
    {
        step(format!("The host wants PID 1 {word}"));
        running.signal(signal)?;
        as_told &= reaches(process, letter)?;
        evidence(&file, state(process).unwrap_or('?'));
    }
    step("…and dead");
    running.signal(libc::SIGKILL)?;
    let status = muted(|| running.wait())?;
    box_evidence("PID 1 was", status);
    let killed = status == Status::Killed(libc::SIGKILL);
    if as_told && killed {
        conclude(
            "from a namespace above, the two that nobody can refuse are not refused: else no runtime could end a box",
        );
    }
    findings.holds("C031", as_told && killed);
    Ok(())
}
