//! Born in a group, or moved there.

use cgroup_cpu::beyond::Kept;
use ground::Result;
use ground::call::quietly;
use ground::host::groups;
use ground::lesson::{Experiment, Findings, Level, run_name};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clone_pid::{Birth, Container, Part};
use ground::cgroup::{Controller, Version, layout};
use ground::rootfs::probe;
use ground::text::time;
use nix::unistd::Pid;

use crate::stage::on_v2;

pub const EXPERIMENT: Experiment = Experiment {
    name: "attach-cost",
    title: "what it costs to put a process into a group, three ways",
    level: Level::Deep,
    claims: &["C203"],
    needs: &[Need::Admin, Need::Clone3, Need::CpuController],
    run,
};

const ROUNDS: usize = 15;

/// A group of the version 2 hierarchy, which a hybrid host has as well: with no controller, but one can be born in it.
struct Unified(PathBuf);

impl Unified {
    fn make() -> Result<Option<Unified>> {
        let Some(mount) = layout()?.v2() else { return Ok(None) };
        let dir = mount.point.join(format!("{}-unified", run_name()));
        quietly(format_args!("mkdir {}", dir.display())).run(|| fs::create_dir(&dir))?;
        Ok(Some(Unified(dir)))
    }
}

impl Drop for Unified {
    fn drop(&mut self) {
        // What cannot be removed now is found by `clean`.
        let _ = groups::remove(&self.0);
    }
}

/// Born in that group, and in nothing else.
struct Born(PathBuf);

impl Part for Born {
    fn cgroups(&self) -> Result<Vec<Birth>> {
        Ok(vec![Birth::Into(self.0.clone())])
    }
}

fn run(findings: &mut Findings) -> Result<()> {
    step(format!(
        "Median of {ROUNDS} boxes that do nothing. Moved from outside: the number into cgroup.procs"
    ));
    let kept = Kept::cpu("a")?;
    let moved = muted(|| median(|| move_in(&kept)))?;
    evidence("one write(2) to cgroup.procs, µs", time(moved.as_micros()));
    let itself = if on_v2() { None } else { Some(moved_by_itself(&kept)?) };
    let born = born_there()?;
    let faster = [itself, born].into_iter().flatten().all(|other| other < moved);
    conclude(match faster {
        true => {
            "a move from outside takes a lock that every fork on the machine takes, too, and waits until all have left: milliseconds on an idle machine. A thread that moves itself, or is born there, does not wait"
        }
        false => "a move from outside was not slower than the other ways",
    });
    match itself.or(born) {
        Some(_) => findings.holds("C203", faster),
        None => findings.because("there is no other way here to compare with"),
    }
    Ok(())
}

fn moved_by_itself(kept: &Kept) -> Result<Duration> {
    step("Moved by itself: the child, which has one thread, writes 0 to tasks");
    let itself = muted(|| median(|| move_itself(kept)))?;
    evidence("one write(2) to tasks, µs", time(itself.as_micros()));
    Ok(itself)
}

/// What the birth in a group costs beside a birth without, where there is a version 2 hierarchy.
fn born_there() -> Result<Option<Duration>> {
    let Some(unified) = Unified::make()? else { return Ok(None) };
    step("Born there: clone3 with CLONE_INTO_CGROUP, against a clone without");
    let without = muted(|| median(|| start(None)))?;
    let with = muted(|| median(|| start(Some(&unified))))?;
    evidence("start to execve without a group, µs", time(without.as_micros()));
    evidence("start to execve in a group of version 2, µs", time(with.as_micros()));
    Ok(Some(with.saturating_sub(without)))
}

fn median(measure: impl Fn() -> Result<Duration>) -> Result<Duration> {
    let mut all = (0..ROUNDS).map(|_| measure()).collect::<Result<Vec<_>>>()?;
    all.sort_unstable();
    Ok(all[ROUNDS / 2])
}

fn sleeper() -> Result<Container> {
    Container::new(&[probe()?.as_os_str(), "sleep".as_ref(), "60".as_ref()])
}

fn move_in(kept: &Kept) -> Result<Duration> {
    let running = sleeper()?.start()?;
    let file = kept.place()?.dir.join("cgroup.procs");
    // The lock is slow when nobody has asked for it lately.
    ground::interrupt::sleep(Duration::from_millis(20));
    let start = Instant::now();
    write(&file, running.child().pid())?;
    let took = start.elapsed();
    running.kill()?;
    Ok(took)
}

/// As the child does at its birth; this process, there and back.
fn move_itself(kept: &Kept) -> Result<Duration> {
    let place = kept.place()?;
    let home =
        layout()?.hierarchy(Controller::CPU).and_then(|mount| layout().ok()?.own_group(mount));
    let Some(home) = home.filter(|_| place.version == Version::V1) else {
        return Ok(Duration::ZERO);
    };
    let start = Instant::now();
    write(&place.dir.join("tasks"), Pid::from_raw(0))?;
    let took = start.elapsed();
    write(&home.join("tasks"), Pid::from_raw(0))?;
    Ok(took)
}

fn write(file: &std::path::Path, number: Pid) -> Result<()> {
    quietly(format_args!("write to {}", file.display())).run(|| fs::write(file, number.to_string()))
}

fn start(group: Option<&Unified>) -> Result<Duration> {
    let container = sleeper()?;
    let container = match group {
        Some(group) => container.with(Born(group.0.clone())),
        None => container,
    };
    let start = Instant::now();
    let running = container.start()?;
    let took = start.elapsed();
    running.kill()?;
    Ok(took)
}
