//! One thread, or all.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use std::fs;

use cgroup_cpu::beyond::Kept;
use cgroup_cpu::{move_to, write};
use clone_pid::Running;
use ground::call::quietly;
use ground::cgroup::{Place, Version};
use ground::proc::cgroup;
use ground::text::pid;
use nix::errno::Errno;
use nix::unistd::Pid;

use crate::stage::boxed;

pub const EXPERIMENT: Experiment = Experiment {
    name: "one-thread",
    title: "tasks moves one thread, cgroup.procs the whole process",
    level: Level::Deep,
    claims: &["C064"],
    needs: &[Need::Admin, Need::Clone3, Need::CpuController],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("A process with two threads, and a group");
    let kept = Kept::cpu("a")?;
    let place = kept.place()?;
    let mut running = muted(|| boxed("threads 1")?.start())?;
    while running.line()?.is_some_and(|line| line != "ready") {}
    let (moved, limit) = match place.version {
        Version::V1 => with_tasks(&place, &running)?,
        Version::V2 => without_tasks(&place, &running)?,
    };
    muted(|| running.kill())?;
    findings.because(match place.version {
        Version::V1 => {
            "tasks moves the one thread whose number is written; cgroup.procs moves them all"
        }
        Version::V2 => {
            "v2 has no tasks file; cgroup.procs moves all threads, whichever number is written"
        }
    });
    findings.partly("C064", moved, limit);
    Ok(())
}

/// v1: first one thread, then both.
fn with_tasks(place: &Place, running: &Running) -> Result<(bool, bool)> {
    let first = running.child().pid();
    step("Write its number to tasks");
    write(place, "tasks", pid(first), (Errno::ESRCH, "no such thread"))?;
    let one = inside(place, running)?;
    step("…and to cgroup.procs");
    move_to(place, first)?;
    let both = inside(place, running)?;
    conclude("a thread is what the v1 scheduler groups; a process is all of them");
    Ok((both == [true, true], one == [true, false]))
}

/// v2: the number of the second thread moves both, and cgroup.threads is for groups that say so.
fn without_tasks(place: &Place, running: &Running) -> Result<(bool, bool)> {
    evidence(
        place.shown("tasks"),
        if place.dir.join("tasks").exists() { "there" } else { "no such file" },
    );
    let threads = threads(running)?;
    let second = threads.last().copied().unwrap_or(running.child().pid());
    step("Write the number of the second thread to cgroup.threads");
    let alone =
        write(place, "cgroup.threads", pid(second), (Errno::EOPNOTSUPP, "not in a threaded group"));
    let refused = alone.err().and_then(|e| e.errno()) == Some(Errno::EOPNOTSUPP);
    step("…and to cgroup.procs");
    move_to(place, second)?;
    let both = inside(place, running)?;
    conclude(
        "one thread alone moves only below a group of type threaded; else a process is in one group as a whole",
    );
    Ok((both == [true, true], refused && !place.dir.join("tasks").exists()))
}

fn threads(running: &Running) -> Result<Vec<Pid>> {
    let dir = format!("/proc/{}/task", running.child().pid());
    let entries = quietly("list the threads").run(|| fs::read_dir(dir))?.flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut numbers: Vec<i32> = numbers.collect();
    numbers.sort_unstable();
    Ok(numbers.into_iter().map(Pid::from_raw).collect())
}

/// For each thread whether it is in the group.
fn inside(place: &Place, running: &Running) -> Result<Vec<bool>> {
    let process = running.child().pid();
    let name = place.dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let inside = |thread: &Pid| {
        let file = format!("/proc/{process}/task/{thread}/cgroup");
        let groups = cgroup::parse(&fs::read_to_string(file).unwrap_or_default());
        let is_in = groups.unwrap_or_default().iter().any(|group| group.path.ends_with(&name));
        evidence(
            format!("/proc/{}/task/{}/cgroup", pid(process), pid(thread)),
            if is_in { "in the group" } else { "not in the group" },
        );
        is_in
    };
    Ok(threads(running)?.iter().map(inside).collect())
}
