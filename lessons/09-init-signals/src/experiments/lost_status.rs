//! SIGCHLD ignored, by inheritance.

use clone_pid::Status;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, step};

use crate::stage::boxed;

pub const EXPERIMENT: Experiment = Experiment {
    name: "lost-status",
    title: "who ignores SIGCHLD loses the status of his children, and hands that down by execve",
    level: Level::Deep,
    claims: &["C240"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("A process that ignores SIGCHLD has a child that exits with 7, and asks for it");
    let lost = boxed("ignore CHLD; fork exit 7; wait4 2")?.start()?.output()?;
    let said = lost.text.lines().last().unwrap_or_default().to_string();
    box_evidence("wait4", said.rsplit_once("wait4: ").map_or(said.as_str(), |(_, why)| why));
    step("The same without");
    let kept = boxed("fork exit 7; wait4 2")?.start()?.output()?;
    let status = kept.text.lines().find(|line| line.starts_with("status"));
    box_evidence("wait4", status.unwrap_or("nothing"));
    let is_lost = lost.status == Status::Exited(1) && said.contains("ECHILD");
    let is_kept = status == Some("status 7");
    if is_lost && is_kept {
        conclude(
            "an init that was started with SIGCHLD ignored would never learn of its child's end, so ours sets it to its default first",
        );
    }
    findings.holds("C240", is_lost && is_kept);
    Ok(())
}
