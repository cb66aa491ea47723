//! Told at once.

use std::time::Duration;

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use memory_oom::beyond::OomWatch;

use crate::stage::{boxed, limited, on_v2, tell_events};

pub const EXPERIMENT: Experiment = Experiment {
    name: "oom-notice",
    title: "the kernel tells whoever asked that a group is out of memory",
    level: Level::Deep,
    claims: &[],
    needs: &[Need::Admin, Need::Clone3, Need::MemoryController],
    run,
};

fn run(_: &mut Findings) -> Result<()> {
    step("A group with 12 MiB, and somebody who wants to know");
    let kept = limited("watched", 12)?;
    let place = kept.place()?;
    let watch = OomWatch::on(&place)?;
    let before = told(&watch, Duration::from_millis(20))?;
    step("A box in it takes 24");
    let running = muted(|| boxed("eat-anon 24")?.with(kept.member()).start())?;
    let after = told(&watch, Duration::from_secs(5))?;
    let output = muted(|| running.output())?;
    box_evidence("it was", output.status);
    let events = tell_events(&place)?;
    if !before && after && events.kills == 1 {
        conclude(match on_v2() {
            true => {
                "poll(2) for POLLPRI on memory.events: it wakes at every change of the counters, so read them and compare"
            }
            false => {
                "an eventfd for memory.oom_control: one number for each time the group was out of memory. Newer kernels call it deprecated"
            }
        });
    }
    Ok(())
}

fn told(watch: &OomWatch, patience: Duration) -> Result<bool> {
    let woken = watch.wakes_within(patience)?;
    evidence("poll for a notice of the kernel", if woken { "it came" } else { "none" });
    Ok(woken)
}
