//! What demo and experiments share: groups that outlive their boxes, loads, and a look at both over a stretch of time.

use std::time::{Duration, Instant};

use cgroup_cpu::beyond::Bar;
use cgroup_cpu::{CpuAccount, Group};
use clone_pid::beyond::probing;
use clone_pid::{Container, IpcNamespace, PidNamespace};
use ground::cgroup::{Controller, CpuStat, Place, Version, version};
use ground::proc::Process;
use ground::story::{evidence, muted};
use ground::text::{count, path, time};
use ground::{Result, interrupt};

/// A group that somebody keeps: made now, removed in every hierarchy when dropped.
pub struct Kept {
    pub group: Group,
    controllers: Vec<Controller>,
}

impl Kept {
    /// Made in the hierarchies of these controllers. What v1 needs beside, to count, is not told.
    pub fn make(word: &str, controllers: &[Controller]) -> Result<Kept> {
        let mut kept = Kept { group: Group::named(word), controllers: controllers.to_vec() };
        controllers.iter().try_for_each(|c| kept.group.make(*c).map(drop))?;
        if controllers.contains(&Controller::CPU) {
            kept.controllers.push(Controller::CPUACCT);
            muted(|| kept.group.make(Controller::CPUACCT))?;
        }
        Ok(kept)
    }

    /// Where it is.
    pub fn place(&self, controller: Controller) -> Result<Place> {
        self.group.place(controller)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // What cannot be removed now is found by `clean`.
        self.controllers.iter().rev().for_each(|c| drop(muted(|| self.group.remove(*c))));
    }
}

/// The world of this host: which version has the CPU controller.
pub fn on_v2() -> bool {
    version(Controller::CPU) == Some(Version::V2)
}

/// A box that runs a script of the probe.
pub fn boxed(script: &str) -> Result<Container> {
    Ok(probing(script)?.with(PidNamespace).with(IpcNamespace))
}

/// A loop that nobody ends but we.
pub fn endless() -> Result<Container> {
    boxed("spin 3600000")
}

/// Endless loops, counted in a group, whose load starts together.
pub fn loops(group: &Group, script: &str) -> Result<Container> {
    Ok(boxed(script)?.with(CpuAccount::of(group)))
}

/// What a group used in a stretch of time.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    pub wall: Duration,
    pub cpu: CpuStat,
}

impl Used {
    /// In CPUs: 0.2 is a fifth of one.
    pub fn cpus(&self) -> f64 {
        self.cpu.usage.as_secs_f64() / self.wall.as_secs_f64()
    }

    /// Tells it.
    pub fn told(self, place: &Place) -> Used {
        let percent = format!("{} % of one CPU", time(format_args!("{:.1}", self.cpus() * 100.0)));
        evidence("CPU time over elapsed time", percent);
        let periods =
            format!("{} of {} periods", count(self.cpu.throttled), count(self.cpu.periods));
        evidence(format!("{}, throttled", place.shown("cpu.stat")), periods);
        self
    }
}

/// Watches a group for so long. On a terminal a bar shows how it is doing against `limit`, in CPUs.
pub fn watch(group: &Group, span: Duration, limit: f64) -> Result<Used> {
    let (start, before) = (Instant::now(), group.cpu()?);
    let bar = Bar::new("CPU");
    let mut last = (start, before);
    while start.elapsed() < span {
        interrupt::sleep((span / 10).min(span.saturating_sub(start.elapsed())));
        let now = (Instant::now(), group.cpu()?);
        let used = Used { wall: now.0 - last.0, cpu: now.1.since(last.1) };
        bar.draw(used.cpus(), limit, &format!("{:5.1} %", used.cpus() * 100.0));
        last = now;
    }
    Ok(Used { wall: last.0 - start, cpu: last.1.since(before) })
}

/// What the scheduler says of one process: time on a CPU, and time in which it wanted one, in `/proc/PID/schedstat`.
pub fn schedule(process: &Process) -> Result<(Duration, Duration)> {
    let text = process.read("schedstat")?;
    let mut fields = text.split(' ').map(|field| field.parse().unwrap_or(0));
    let mut next = || Duration::from_nanos(fields.next().unwrap_or(0));
    Ok((next(), next()))
}

/// The group of a process in the hierarchy of a controller, as `/proc/PID/cgroup` has it.
pub fn group_of(process: &Process, controller: Controller) -> Result<String> {
    let groups = process.cgroups()?;
    let v1 = groups.iter().find(|group| group.controllers.iter().any(|c| c == controller.v1));
    let found = v1.or_else(|| groups.iter().find(|group| group.is_v2()));
    Ok(found.map(|group| group.path.clone()).unwrap_or_default())
}

/// One line of `/proc/PID/cgroup`, told.
pub fn tell_group(process: &Process, controller: Controller) -> Result<String> {
    let group = group_of(process, controller)?;
    let shown = path(&group);
    let which = if on_v2() { "" } else { controller.v1 };
    evidence(process.file("cgroup"), format!("…:{which}:{shown}"));
    Ok(group)
}

/// The CPUs that this process may use, in ascending order.
pub fn own_cpus() -> Result<Vec<usize>> {
    let status = Process::this().read("status")?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let ranges = list.unwrap_or("0").trim().split(',');
    let range = |range: &str| {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        from.parse().unwrap_or(0)..=to.parse().unwrap_or(0)
    };
    Ok(ranges.flat_map(range).collect())
}

/// The last of them, for loads that must meet on one CPU.
pub fn one_cpu() -> Result<usize> {
    Ok(own_cpus()?.last().copied().unwrap_or(0))
}
