//! Who is in a group.

use std::time::Duration;

use cgroup_cpu::beyond::Kept;
use cgroup_cpu::{CpuLimit, Group, move_to};
use clone_pid::Part;
use ground::Result;
use ground::cgroup::Place;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use ground::text::{count, pid};

use crate::stage::{boxed, watch};

pub const EXPERIMENT: Experiment = Experiment {
    name: "members",
    title: "a number written into cgroup.procs moves a process; its children are born where it is",
    level: Level::Core,
    claims: &["C065"],
    needs: &[Need::Admin, Need::Clone3, Need::CpuController],
    run,
};

const SPAN: Duration = Duration::from_millis(300);

fn run(findings: &mut Findings) -> Result<()> {
    step("A group with a tenth of a CPU, and outside of it a process with a child that spins");
    let kept = Kept::cpu("a")?;
    let (group, place) = (&kept.group, kept.place()?);
    CpuLimit::cores(0.1).of(group).prepare()?;
    let mut running = muted(|| boxed("spinners 1")?.start())?;
    while running.line()?.is_some_and(|line| line != "ready") {}
    let before = stopped(group, &place)?;

    step("Write the number of the parent into cgroup.procs");
    let parent = running.child().pid();
    move_to(&place, parent)?;
    let moved = members(&place)?;
    conclude(
        "the child was there already, and stays where it was: only what is born from now on follows",
    );

    step("Write the child's number, too");
    let file = format!("/proc/{parent}/task/{parent}/children");
    let children = std::fs::read_to_string(file).unwrap_or_default();
    let child = nix::unistd::Pid::from_raw(children.trim().parse().unwrap_or(0));
    move_to(&place, child)?;
    let both = members(&place)?;
    let after = stopped(group, &place)?;

    step("Kill the child. Nobody waits for it, so it stays a zombie");
    let killed = nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGKILL);
    ground::call::doing(format_args!("kill {} SIGKILL", pid(child)))
        .like_args(format_args!("kill -KILL {}", pid(child)))
        .run(|| killed)?;
    let zombie = wait_for_zombie(child)?;
    let left = members(&place)?;
    muted(|| running.kill())?;
    step("Kill the parent");
    let nobody = members(&place)?;

    step("A box that is born in the group, with a child");
    let inside = born_inside(&kept)?;
    let counts = (moved, both, left, nobody, inside);
    if counts == (1, 2, 1, 0, 2) && zombie {
        conclude("the list is of the living: a zombie has left it, though it still has its number");
    }
    let effect = before == 0 && after > 0;
    findings.holds("C065", counts == (1, 2, 1, 0, 2) && zombie && effect);
    Ok(())
}

/// In how many periods of a while the group was stopped.
fn stopped(group: &Group, place: &Place) -> Result<u64> {
    let throttled = watch(group, SPAN, 0.1)?.cpu.throttled;
    let told =
        if throttled == 0 { "never".to_string() } else { format!("{} times", count(throttled)) };
    evidence(format!("{}, stopped", place.shown("cpu.stat")), told);
    Ok(throttled)
}

fn members(place: &Place) -> Result<usize> {
    let processes = place.processes()?;
    let list: Vec<String> = processes.iter().map(|number| pid(number).to_string()).collect();
    let list = if list.is_empty() { "nobody".to_string() } else { list.join(" ") };
    evidence(place.shown("cgroup.procs"), list);
    Ok(processes.len())
}

fn wait_for_zombie(child: nix::unistd::Pid) -> Result<bool> {
    let process = ground::proc::Process::of(child);
    for _ in 0..500 {
        if process.status()?.state == 'Z' {
            evidence(process.file("status"), "State: Z (zombie)");
            return Ok(true);
        }
        ground::interrupt::sleep(Duration::from_millis(1));
    }
    Ok(false)
}

fn born_inside(kept: &Kept) -> Result<usize> {
    let boxed = boxed("fork-tree 1")?.with(CpuLimit::cores(0.1).of(&kept.group));
    let mut running = muted(|| boxed.start())?;
    while running.line()?.is_some_and(|line| line != "ready") {}
    let inside = members(&kept.place()?)?;
    muted(|| running.kill())?;
    Ok(inside)
}
