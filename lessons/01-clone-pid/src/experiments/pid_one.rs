//! One process, two numbers.

use clone_pid::{IpcNamespace, PidNamespace};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, step};
use ground::text::pid;

use super::{Report, probing};

pub const EXPERIMENT: Experiment = Experiment {
    name: "pid-one",
    title: "the same process is 1 inside and ordinary outside",
    level: Level::Core,
    claims: &["C001", "C002"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "Start a box in a new PID namespace; let it ask for its own and its parent's number, and sleep",
    );
    let mut running = probing("pid; sleep 60")?.with(PidNamespace).with(IpcNamespace).start()?;
    let report = Report::until(&mut running, "ppid")?;
    let (own, parent) = (report.get("pid")?, report.get("ppid")?);
    box_evidence("getpid()", own);
    box_evidence("getppid()", parent);

    step("Ask the kernel from outside about the same process");
    let child = running.child();
    let status = child.process().status()?;
    let numbers = status.nspid.clone();
    let inside = numbers.last().copied().unwrap_or_default();
    let outer: Vec<_> =
        numbers[..numbers.len().saturating_sub(1)].iter().map(|n| pid(n).to_string()).collect();
    evidence(child.process().file("status NSpid"), format!("{} {inside}", outer.join(" ")));
    evidence("what clone3 returned here", pid(child.pid()));
    conclude(format!(
        "its number is {inside} in the box and {} here: one process in two namespaces",
        pid(child.pid())
    ));

    let ordinary = numbers.first() == Some(&child.pid().as_raw()) && child.pid().as_raw() != 1;
    findings.holds("C001", own == "1" && inside == 1 && ordinary);
    findings.holds("C002", own == "1" && parent == "0");
    running.kill()?;
    Ok(())
}
