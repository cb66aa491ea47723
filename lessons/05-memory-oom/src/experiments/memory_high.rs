//! Slowed down, not killed.

use std::time::Duration;

use clone_pid::{Part, Running};
use ground::Result;
use ground::interrupt;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use ground::text::{count, time};
use memory_oom::MemoryLimit;
use memory_oom::beyond::Kept;

use crate::stage::{Charge, boxed, tell_charges, tell_events};

pub const EXPERIMENT: Experiment = Experiment {
    name: "memory-high",
    title: "above memory.high a box is slowed down, and pressure tells by how much",
    level: Level::Deep,
    claims: &[],
    needs: &[Need::Admin, Need::Clone3, Need::MemoryController, Need::MemoryV2],
    run,
};

fn run(_: &mut Findings) -> Result<()> {
    step("No limit, but memory.high at 12 MiB; and a box that takes 24, with nothing to reclaim");
    let kept = Kept::memory("high")?;
    MemoryLimit::default().high(12 << 20).of(&kept.group).prepare()?;
    let place = kept.place()?;
    let mut running = muted(|| boxed("eat-anon 24; hold")?.with(kept.member()).start())?;
    interrupt::sleep(Duration::from_millis(700));
    tell_charges(&place, &[Charge::Anon])?;
    let events = tell_events(&place)?;
    let text = place.read("memory.events")?;
    let high = text.lines().find_map(|line| line.strip_prefix("high ")).unwrap_or("0");
    evidence(format!("{}, high", place.shown("memory.events")), count(high));
    let stalled = stalled(&place.read("memory.pressure").unwrap_or_default());
    if let Some(stalled) = stalled {
        evidence(format!("{}, some, total in ms", place.shown("memory.pressure")), time(stalled));
    }
    let slow = !done(&running);
    box_evidence("after 700 ms it", if slow { "has not got there" } else { "has all" });
    if slow && events.kills == 0 && high != "0" {
        conclude(
            "the kernel makes it wait at every page: time for a watcher to act, before anybody must die",
        );
    }
    step("Take memory.high away");
    cgroup_cpu::write(
        &place,
        "memory.high",
        "max",
        (nix::errno::Errno::EINVAL, "a number or max"),
    )?;
    let went_on = crate::stage::until(&mut running, "ready")?.is_some();
    box_evidence("it", if went_on { "has what it wanted" } else { "is dead" });
    muted(|| running.kill())?;
    Ok(())
}

/// Whether it sleeps for good: all is taken.
fn done(running: &Running) -> bool {
    let stat = running.child().process().read("wchan").unwrap_or_default();
    stat.contains("pause")
}

/// Time in which somebody waited for memory: µs in the kernel's file, where it counts pressure.
fn stalled(pressure: &str) -> Option<u64> {
    let some = pressure.lines().find(|line| line.starts_with("some"))?;
    let total = some.split("total=").nth(1)?.trim().parse::<u64>().ok()?;
    Some(total / 1000)
}
