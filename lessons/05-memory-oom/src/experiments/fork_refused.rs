//! What it looks like from inside.

use std::time::Duration;

use clone_pid::Part;
use clone_pid::beyond::Report;
use ground::Result;
use ground::interrupt;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use ground::text::count;
use memory_oom::PidsLimit;
use memory_oom::beyond::Kept;
use nix::errno::Errno;

use crate::stage::boxed;

pub const EXPERIMENT: Experiment = Experiment {
    name: "fork-refused",
    title: "a fork bomb in a group of 20 tasks",
    level: Level::Deep,
    claims: &["C049"],
    needs: &[Need::Admin, Need::Clone3, Need::PidsController],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("At most 20 tasks, and a box that forks without end");
    let kept = Kept::pids("twenty")?;
    PidsLimit::tasks(20).of(&kept.group).prepare()?;
    let report = Report::of(boxed("forks-until 100")?.with(kept.member()))?;
    let (forks, refusal) = (report.get("forks")?, report.get("refused")?);
    box_evidence("forks", forks);
    box_evidence("then fork(2) failed with", refusal);
    let text = std::io::Error::from_raw_os_error(Errno::EAGAIN as i32).to_string();
    box_evidence("what a shell says of that", text.split(" (").next().unwrap_or(""));
    let said = refusal == "EAGAIN" && text.starts_with("Resource temporarily unavailable");

    step("Now a fork bomb: the children fork as well, for 200 ms, at most 2000 times");
    let mut bomb = muted(|| boxed("fork-bomb 2000 200; hold")?.with(kept.member()).start())?;
    let place = kept.place()?;
    let mut most = 0;
    for _ in 0..20 {
        interrupt::sleep(Duration::from_millis(10));
        most = most.max(place.number("pids.current")?);
    }
    evidence(format!("{}, the most of 20 looks", place.shown("pids.current")), count(most));
    let report = Report::until(&mut bomb, "ready")?;
    box_evidence("refused forks", count(report.get("refusals")?));
    let events = place.read("pids.events")?;
    let refused = events.trim_start_matches("max ").lines().next().unwrap_or("0");
    evidence(format!("{}, max", place.shown("pids.events")), count(refused));
    muted(|| bomb.kill())?;
    let held = most <= 20 && refused.parse::<u64>().unwrap_or(0) > 0;
    if held {
        conclude("the bomb has used up its own group, and the host has not noticed");
    }
    findings.holds("C049", said && forks == "19" && held);
    Ok(())
}
