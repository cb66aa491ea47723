//! Tasks are counted, and when.

use cgroup_cpu::{move_to, write};
use clone_pid::Part;
use clone_pid::beyond::Report;
use ground::Result;
use ground::cgroup::Place;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use memory_oom::PidsLimit;
use memory_oom::beyond::Kept;
use nix::errno::Errno;

use crate::stage::boxed;

pub const EXPERIMENT: Experiment = Experiment {
    name: "pids-limit",
    title: "pids.max counts tasks, threads too, and is asked at fork and clone only",
    level: Level::Core,
    claims: &["C048"],
    needs: &[Need::Admin, Need::Clone3, Need::PidsController],
    run,
};

const NOTE: (Errno, &str) = (Errno::EINVAL, "a number of tasks");

fn run(findings: &mut Findings) -> Result<()> {
    step("A group with 4 tasks at most. A box in it forks as often as it can");
    let kept = Kept::pids("four")?;
    PidsLimit::tasks(4).of(&kept.group).prepare()?;
    let processes = fill(&kept, "forks")?;
    step("…and one that makes threads");
    let threads = fill(&kept, "threads")?;
    if processes == threads {
        conclude(
            "three more beside the first: a thread counts like a process, for the kernel both are tasks",
        );
    }

    step("Below what is there: fill it once more, then allow only 1");
    let place = kept.place()?;
    let mut running = muted(|| boxed("forks-until 3; hold")?.with(kept.member()).start())?;
    muted(|| Report::until(&mut running, "ready"))?;
    let lowered = write(&place, "pids.max", 1, NOTE).is_ok();
    let inside = current(&place)?;
    step("Move one more process in");
    let guest = muted(|| boxed("hold")?.start())?;
    let moved = move_to(&place, guest.child().pid()).is_ok();
    let more = current(&place)?;
    muted(|| running.kill().and(guest.kill()))?;
    let unasked = lowered && moved && inside == 4 && more == 5;
    if unasked {
        conclude(
            "neither was refused, and nobody was killed: the limit is asked when a task is made, and then only",
        );
    }
    findings.because("it counts tasks, so threads as well, and is checked when one is made");
    findings.partly("C048", processes == (3, true), threads == (3, true) && unasked);
    Ok(())
}

/// How many the box could make, and whether the next was refused by EAGAIN.
fn fill(kept: &Kept, what: &str) -> Result<(u32, bool)> {
    let script = format!("{what}-until 10; hold");
    let mut running = muted(|| boxed(&script)?.with(kept.member()).start())?;
    let report = Report::until(&mut running, "ready")?;
    let (made, refusal) = (report.get(what)?.to_string(), report.get("refused")?.to_string());
    box_evidence(format!("{what} made, then"), format!("{made}, then {refusal}"));
    current(&kept.place()?)?;
    muted(|| running.kill())?;
    Ok((made.parse().unwrap_or(0), refusal == "EAGAIN"))
}

fn current(place: &Place) -> Result<u64> {
    let tasks = place.number("pids.current")?;
    evidence(place.shown("pids.current"), tasks);
    Ok(tasks)
}
