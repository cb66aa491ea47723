//! One look at the counters, and what was used between two.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::unistd::{Pid, SysconfVar, sysconf};

use super::group::{self, Group};
use super::read::{field, number, text};
use crate::card::limits::View;
use crate::error::Result;
use crate::proc::Process;
use crate::text::printable;

/// What is in use. CPU in percent of one, memory in bytes; `None` where nobody counts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Used {
    pub cpu: Option<f64>,
    pub memory: Option<u64>,
    pub tasks: Option<u64>,
}

/// What is shown.
pub(super) struct Rates {
    pub host: Used,
    /// What the machine has: the host's limit.
    pub machine: Used,
    pub boxes: Vec<BoxRates>,
}

pub(super) struct BoxRates {
    pub name: String,
    pub pids: Vec<i32>,
    pub processes: Used,
    pub group: Used,
    pub limit: Used,
}

/// Sums that only grow, and what is in use at the moment.
#[derive(Clone, Copy, Default)]
pub(super) struct Counters {
    pub cpu: Option<Duration>,
    pub memory: Option<u64>,
    pub tasks: Option<u64>,
}

pub(super) struct Look {
    at: Instant,
    host: Counters,
    boxes: Vec<BoxLook>,
}

struct BoxLook {
    name: String,
    processes: BTreeMap<i32, Counters>,
    group: Counters,
    limit: Used,
}

impl Look {
    /// At the host, every group of the kit's, and these processes.
    pub fn take(pids: &[Pid]) -> Result<Look> {
        let chosen: Vec<BoxLook> =
            pids.iter().map(|pid| BoxLook::of_process(*pid)).collect::<Result<_>>()?;
        let mut boxes: Vec<BoxLook> = group::all().iter().map(BoxLook::of_group).collect();
        boxes.extend(chosen);
        Ok(Look { at: Instant::now(), host: host(), boxes })
    }

    /// What was used since `before`. A box that was not there yet has not used anything.
    pub fn since(&self, before: &Look) -> Rates {
        let wall = self.at.duration_since(before.at);
        let cpus = sysconf(SysconfVar::_NPROCESSORS_ONLN).ok().flatten().unwrap_or(1);
        let machine = Used {
            cpu: Some(cpus as f64 * 100.0),
            memory: field("/proc/meminfo", "MemTotal:").map(|kib| kib << 10),
            tasks: number(Path::new("/proc/sys/kernel/pid_max")),
        };
        let mut host = self.host.since(before.host, wall);
        // It is counted in ticks of 10 ms: one more than passed can fall between two looks.
        host.cpu = host.cpu.zip(machine.cpu).map(|(used, all)| used.min(all));
        let boxes = self.boxes.iter().map(|now| {
            let old = before.boxes.iter().find(|old| old.name == now.name);
            now.since(old, wall)
        });
        Rates { host, machine, boxes: boxes.collect() }
    }
}

impl Counters {
    fn since(self, before: Counters, wall: Duration) -> Used {
        let spent = |now: Duration, then| now.saturating_sub(then).as_secs_f64();
        let cpu = self.cpu.zip(before.cpu).map(|(now, then)| spent(now, then));
        let percent = cpu.map(|cpu| cpu / wall.as_secs_f64().max(1e-6) * 100.0);
        Used { cpu: percent, memory: self.memory, tasks: self.tasks }
    }
}

impl BoxLook {
    fn of_group(group: &Group) -> BoxLook {
        let members = group.members();
        BoxLook {
            name: group.name.clone(),
            processes: members.into_iter().filter_map(|pid| Some((pid, process(pid)?))).collect(),
            group: group.counters(),
            limit: group.limit(),
        }
    }

    /// A process that somebody asked for, and the group that it is in.
    fn of_process(pid: Pid) -> Result<BoxLook> {
        let process = Process::of(pid);
        let status = process.status()?;
        let group = Group::of(&View::of(&process)?);
        let counters = self::process(pid.as_raw()).unwrap_or_default();
        Ok(BoxLook {
            name: format!("process {pid} ({})", printable(&status.name)),
            processes: BTreeMap::from([(pid.as_raw(), counters)]),
            group: group.counters(),
            limit: group.limit(),
        })
    }

    fn since(&self, before: Option<&BoxLook>, wall: Duration) -> BoxRates {
        let none = Counters { cpu: Some(Duration::ZERO), ..Counters::default() };
        // A process that was not there before has used all its time since.
        let of = |pid: &i32| before.and_then(|b| b.processes.get(pid)).copied().unwrap_or(none);
        let each = self.processes.iter().map(|(pid, now)| now.since(of(pid), wall));
        let sum = each.fold(Used::default(), |sum, one| Used {
            cpu: add(sum.cpu, one.cpu),
            memory: add(sum.memory, one.memory),
            tasks: add(sum.tasks, one.tasks),
        });
        BoxRates {
            pids: self.processes.keys().copied().collect(),
            processes: sum,
            group: self.group.since(before.map(|b| b.group).unwrap_or_default(), wall),
            limit: self.limit,
            name: self.name.clone(),
        }
    }
}

fn add<T: std::ops::Add<Output = T>>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
    }
}

fn host() -> Counters {
    let stat = text(Path::new("/proc/stat")).unwrap_or_default();
    let first = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let times: Vec<u64> = first.filter_map(|word| word.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal: all but the two in which nothing ran. See proc_stat(5).
    let busy = times.iter().enumerate().take(8).filter(|(i, _)| !matches!(i, 3 | 4));
    let used = || {
        let total = field("/proc/meminfo", "MemTotal:")?;
        Some(total.saturating_sub(field("/proc/meminfo", "MemAvailable:")?) << 10)
    };
    let load = text(Path::new("/proc/loadavg")).unwrap_or_default();
    let tasks = load.split(' ').nth(3).and_then(|word| word.split_once('/')?.1.parse().ok());
    Counters { cpu: Some(ticks(busy.map(|(_, time)| time).sum())), memory: used(), tasks }
}

/// One process; `None` when it has ended.
fn process(pid: i32) -> Option<Counters> {
    let stat = text(&PathBuf::from(format!("/proc/{pid}/stat")))?;
    // The name in front may hold blanks and brackets; the 14th and 15th field are counted from behind it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let resident = super::read::field(format!("/proc/{pid}/status"), "VmRSS:").unwrap_or(0) << 10;
    Some(Counters {
        cpu: Some(ticks(field(14)? + field(15)?)),
        memory: Some(resident),
        tasks: field(20),
    })
}

fn ticks(ticks: u64) -> Duration {
    let hertz = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100).max(1) as u64;
    Duration::from_millis(ticks * 1000 / hertz)
}
