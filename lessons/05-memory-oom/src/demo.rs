//! The demo: memory climbs to a limit, the kernel kills, and a fork bomb that goes nowhere.

use std::time::Duration;

use cgroup_cpu::Group;
use clone_pid::Running;
use clone_pid::beyond::Report;
use ground::Result;
use ground::card::Card;
use ground::cgroup::{Controller, Place, layout};
use ground::interrupt;
use ground::story::{Reading, Series, box_evidence, conclude, evidence, muted, note, step};
use ground::text::{count, path};
use memory_oom::beyond::Kept;
use memory_oom::{Memory, MemoryAccount, OomScore, PidsLimit, USAGE};

use crate::stage::{Charge, boxed, hold_in, limit, mib, on_v2, tell_charges, until};

/// MiB of the box.
const LIMIT: u64 = 32;

/// Tells the lesson.
pub fn demo() -> Result<()> {
    hierarchies()?;
    asked_and_touched()?;
    climb()?;
    fork_bomb()?;
    first_to_go()?;
    note(
        "page cache, swap, what free and nproc say in a box, whom the kernel chooses: the experiments of this lesson",
    );
    Ok(())
}

fn hierarchies() -> Result<()> {
    step("Memory and tasks are counted in cgroups, too. Where are their trees?");
    for controller in [Controller::MEMORY, Controller::PIDS] {
        let Some(mount) = layout()?.hierarchy(controller) else { continue };
        let kind = if mount.kind == "cgroup2" { "v2" } else { "v1" };
        let found = format!("{kind} at {}", path(mount.point.display()));
        evidence(format!("/proc/self/mountinfo, {}", controller.v1), found);
    }
    conclude(match on_v2() {
        true => "the one tree of version 2: the box will have one group for all",
        false => "two more trees of version 1: the box will have a group of the same name in each",
    });
    Ok(())
}

fn asked_and_touched() -> Result<()> {
    step("A box without a limit asks the kernel for 64 MiB, and writes to none of it");
    let kept = Kept::memory("open")?;
    let running = hold_in(&kept, "map-anon 64; hold")?;
    let status = running.child().process().read("status")?;
    let field = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or("0 kB").trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) << 10
    };
    let file = running.child().process().file("status");
    evidence(format!("{file}, VmSize"), mib(field("VmSize:")));
    evidence(format!("{file}, VmRSS"), mib(field("VmRSS:")));
    let asked = tell_charges(&kept.place()?, &[Charge::Anon])?;
    muted(|| running.kill())?;
    if field("VmSize:") > 64 << 20 && asked.usage < 16 << 20 {
        conclude(
            "addresses cost nothing: a page is charged when it is touched, to the group of whoever does",
        );
    }
    Ok(())
}

fn climb() -> Result<()> {
    step(
        "Now a box that may have 32 MiB, without swap: limits first, then it is born in the group",
    );
    let container = boxed("eat-anon 64 30")?.with(limit(LIMIT)).with(MemoryAccount::default());
    let mut running = container.start()?;
    let place = Group::default().place(Controller::MEMORY)?;
    step("It takes a MiB at a time, and means to go on to 64");
    let last = watch(&mut running, &place)?;
    box_evidence("MiB that it had when it last spoke", count(last));
    let kills = Memory::of(&place)?.kills;
    let status = running.wait()?;
    box_evidence("the box was", status);
    if kills == 1 && last <= LIMIT {
        conclude(
            "there was nothing left to reclaim, so the kernel killed. No call failed before: malloc had succeeded long ago",
        );
    }
    Ok(())
}

/// Follows the box until it says no more. On a terminal a bar shows what is charged; every eighth MiB is told.
fn watch(running: &mut Running, place: &Place) -> Result<u64> {
    let series = Series::new("memory");
    let (mut last, mut most) = (0, 0);
    while let Some(line) = running.line()? {
        last = line.trim_start_matches("anon ").parse().unwrap_or(last);
        let now = Memory::of(place)?;
        most = most.max(now.usage);
        series.tell(climbing(now.usage, &now));
        if last % 8 == 0 && last < LIMIT {
            evidence(place.shown(USAGE.of(place)), mib(now.usage));
        }
    }
    let now = Memory::of(place)?;
    series.end(climbing(most, &now));
    Ok(last)
}

/// `shown` is what the bar shows: of a box that is dead, what it had.
fn climbing(shown: u64, now: &Memory) -> Reading {
    let killed = if now.kills > 0 { ": killed" } else { "" };
    let text = format!("{:5.1} of {LIMIT} MiB{killed}", shown as f64 / 1048576.0);
    let part = shown as f64 / (LIMIT << 20) as f64;
    let read = vec![("usage_bytes", now.usage), ("oom_kill", now.kills)];
    Reading { part, limit: 1.0, text, read }
}

fn fork_bomb() -> Result<()> {
    step(
        "Another resource that runs out: process numbers. A box with 16 tasks at most, and a fork bomb in it",
    );
    let container = boxed("fork-bomb 1000 150; hold")?.with(PidsLimit::tasks(16));
    let mut running = container.start()?;
    let place = Group::default().place(Controller::PIDS)?;
    let series = Series::new("tasks");
    let of = |tasks: u64| Reading {
        part: tasks as f64 / 16.0,
        limit: 1.0,
        text: format!("{tasks:2} of 16"),
        read: vec![("pids_current", tasks)],
    };
    let mut most = 0;
    for _ in 0..15 {
        interrupt::sleep(Duration::from_millis(10));
        let now = place.number("pids.current")?;
        series.tell(of(now));
        most = most.max(now);
    }
    series.end(of(most));
    let report = Report::until(&mut running, "ready")?;
    evidence(format!("{}, the most of 15 looks", place.shown("pids.current")), count(most));
    box_evidence("forks that failed with EAGAIN", count(report.get("refusals")?));
    muted(|| running.kill())?;
    if most <= 16 {
        conclude("it can neither grow nor take numbers from others: the host does not notice");
    }
    Ok(())
}

fn first_to_go() -> Result<()> {
    step(
        "When the whole machine is short, somebody must go. This box volunteers: 500 thousandths of all memory are added to what it has",
    );
    let created = boxed("cat /proc/self/oom_score_adj; hold")?
        .with(limit(LIMIT))
        .with(PidsLimit::tasks(16))
        .with(OomScore(Some(500)))
        .create()?;
    Card::of(&created.child().process())?.tell()?;
    let mut running = created.start()?;
    let lines = until(&mut running, "ready")?.unwrap_or_default();
    box_evidence("/proc/self/oom_score_adj", lines.first().map_or("nothing", String::as_str));
    muted(|| running.kill())?;
    Ok(())
}
