//! `run --init`.

use clone_pid::Status;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};

use crate::stage::{comes_true, comm, family, started, until, with_init};

pub const EXPERIMENT: Experiment = Experiment {
    name: "init-in-front",
    title: "--init puts an init in front of the application",
    level: Level::Deep,
    claims: &["C023"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("Run the application with an init; it leaves two orphans, and then awaits SIGTERM");
    let mut running = started(with_init("pid; orphans 2 10; await TERM; exit 3")?, "ppid 1")?;
    until(&mut running, "awaiting")?;
    let first = comm(running.child().pid())?;
    evidence("PID 1 is called", &first);
    let family = || family(&running);
    let reaped = comes_true(|| Ok(family()?.len() == 1))?;
    let numbers = family()?.first().map(|(_, child)| child.nspid.clone()).unwrap_or_default();
    let second = numbers.last().copied().unwrap_or(0);
    evidence("its only child is in the box", format!("PID {second}"));
    step("SIGTERM to PID 1");
    running.signal(libc::SIGTERM)?;
    let status = muted(|| running.wait())?;
    box_evidence("PID 1", status);
    let passed_on = status == Status::Exited(3);
    if first == "init" && second == 2 && reaped && passed_on {
        conclude(
            "the orphans were waited for, the signal came to PID 2, and its status became that of PID 1",
        );
    }
    findings.holds("C023", first == "init" && second == 2 && reaped && passed_on);
    Ok(())
}
