//! The dead are counted.

use clone_pid::Part;
use clone_pid::beyond::Report;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use memory_oom::PidsLimit;
use memory_oom::beyond::Kept;

use crate::stage::{boxed, hold_in};

pub const EXPERIMENT: Experiment = Experiment {
    name: "zombies",
    title: "children that nobody waits for use up the tasks of a group",
    level: Level::Deep,
    claims: &["C047"],
    needs: &[Need::Admin, Need::Clone3, Need::PidsController],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("At most 5 tasks. A box forks children that exit at once, and never waits for them");
    let kept = Kept::pids("five")?;
    PidsLimit::tasks(5).of(&kept.group).prepare()?;
    let running = hold_in(&kept, "zombies-until 10; hold")?;
    let place = kept.place()?;
    let (tasks, living) = (place.number("pids.current")?, place.processes()?.len());
    evidence(place.shown("pids.current"), tasks);
    evidence(format!("{}, processes listed", place.shown("cgroup.procs")), living);
    muted(|| running.kill())?;
    if (tasks, living) == (5, 1) {
        conclude(
            "the list shows the living, the counter every number that is taken: a zombie keeps its own until it is waited for",
        );
    }

    step("Once more; then it waits for one of them, and tries again");
    let first = Report::of(boxed("zombies-until 10")?.with(kept.member()))?;
    let full = told(&first)?;
    let again = Report::of(boxed("zombies-until 10; reap; zombies-until 1")?.with(kept.member()))?;
    let after = told(&again)?;
    let held = full == ("4".to_string(), "EAGAIN".to_string())
        && after == ("1".to_string(), "none".to_string());
    if held {
        conclude(
            "one waited for is one more that may be born. That is why a box needs a PID 1 that waits: lesson 09",
        );
    }
    findings.holds("C047", held && tasks == 5 && living == 1);
    Ok(())
}

fn told(report: &Report) -> Result<(String, String)> {
    let (made, refusal) = (report.get("zombies")?.to_string(), report.get("refused")?.to_string());
    box_evidence("zombies, then", format!("{made}, then {refusal}"));
    Ok((made, refusal))
}
