//! What demo and experiments share: groups that outlive their boxes, loads, and a look at both over a stretch of time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use cgroup_cpu::{CpuAccount, Group};
use clone_pid::Container;
pub use clone_pid::beyond::boxed;
use ground::cgroup::{Controller, CpuStat, Place, Version, version};
use ground::proc::Process;
use ground::story::{Reading, Series, evidence};
use ground::text::{count, path, time};
use ground::{Result, interrupt};

/// The world of this host: which version has the CPU controller.
pub fn on_v2() -> bool {
    version(Controller::CPU) == Some(Version::V2)
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
    fn between(first: (Instant, CpuStat), second: (Instant, CpuStat)) -> Used {
        Used { wall: second.0 - first.0, cpu: second.1.since(first.1) }
    }

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

/// Watches a group for so long. On a terminal a bar shows how it is doing against `limit`, in CPUs, over the last period.
pub fn watch(group: &Group, span: Duration, limit: f64) -> Result<Used> {
    let (start, before) = (Instant::now(), group.cpu()?);
    let series = Series::new("CPU");
    let mut looks = VecDeque::from([(start, before)]);
    while start.elapsed() < span {
        interrupt::sleep(LOOK.min(span.saturating_sub(start.elapsed())));
        let now = (Instant::now(), group.cpu()?);
        looks.push_back(now);
        while looks.len() > 2 && now.0 - looks[1].0 >= PERIOD {
            looks.pop_front();
        }
        series.tell(reading(Used::between(looks[0], now), now.1.since(before), limit));
    }
    let last = looks.back().copied().unwrap_or((start, before));
    let used = Used::between((start, before), last);
    series.end(reading(used, used.cpu, limit));
    Ok(used)
}

/// The default period of a quota: less than that, a limited group either runs or does not.
const PERIOD: Duration = Duration::from_millis(100);
const LOOK: Duration = Duration::from_millis(10);

fn reading(used: Used, since: CpuStat, limit: f64) -> Reading {
    let stopped = match since.periods {
        0 => String::new(),
        periods => format!(", stopped in {} of {periods} periods", since.throttled),
    };
    Reading {
        part: used.cpus(),
        limit,
        text: format!("{:5.1} % of one CPU{stopped}", used.cpus() * 100.0),
        read: vec![
            ("usage_us", since.usage.as_micros() as u64),
            ("nr_periods", since.periods),
            ("nr_throttled", since.throttled),
        ],
    }
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
