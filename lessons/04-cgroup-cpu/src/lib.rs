//! Lesson 04: control groups, and what they do to the CPU.
//!
//! Namespaces decide what a process *sees*; a cgroup decides how much it may *use*. A group is a directory of a file
//! system that the kernel mounts: mkdir makes one, writing a number into `cgroup.procs` or `tasks` moves a process there,
//! writing a limit into another file limits all of them together, rmdir removes the group when it is empty.
//!
//! There are two generations, and a host has either or both:
//!
//! | | v1 | v2 |
//! | --- | --- | --- |
//! | hierarchies | one for each controller, or a few | one for all |
//! | a process is in | a group of each hierarchy | one group |
//! | quota and period | `cpu.cfs_quota_us`, `cpu.cfs_period_us` | `cpu.max` |
//! | weight | `cpu.shares`, 2 … 262144, default 1024 | `cpu.weight`, 1 … 10000, default 100 |
//! | CPUs | `cpuset.cpus` and `.mems`, before anybody is in it | `cpuset.cpus` |
//! | pause | `freezer.state` | `cgroup.freeze` |
//! | time used | `cpuacct.usage` | `cpu.stat` |
//! | a box is born in it | the child writes `0` to `tasks` | clone3(2) with `CLONE_INTO_CGROUP` |
//!
//! Every part here is the same three lines, around the files that it writes: [`Group::make`] in `prepare`,
//! [`Group::births`] in `cgroups`, [`Group::remove`] in `release`. Parts of one box name the same [`Group`], by default
//! that of this run, so they meet in one directory where the hierarchy is one.
//!
//! | to see … | look at |
//! | --- | --- |
//! | how a group is made, entered and removed | [`Group`] |
//! | quota and period; weight; CPUs | [`CpuLimit`], [`CpuWeight`], [`Cpuset`] |
//! | pause and resume | [`Freezer`], [`Group::pause`] |
//! | what a process in the box sees of its group | [`CgroupNamespace`], [`CgroupFs`] |

pub mod beyond;
mod cpuset;
pub mod flags;
mod freezer;
mod group;
mod view;

pub use cpuset::Cpuset;
pub use freezer::{Freezer, Paused};
pub use group::{Group, move_to, set, write, write_each};
pub use view::{CgroupFs, CgroupNamespace};

use clone_pid::{Birth, Part};
use ground::Result;
use ground::cgroup::{Controller, Version};
use ground::story::{evidence, listening, notice};
use ground::text::{count, time};
use nix::errno::Errno;

const RANGE: &str = "quota and period are in µs: a quota of at least 1000, a period from 1000 to 1000000; and in v1 \
     no more of a CPU than the group around it has";

/// The least and the most shares that v1 knows.
const SHARES: (u64, u64) = (2, 262_144);

// ANCHOR: cpu-limit
/// A ceiling: in each period the processes of the box together may run for `quota` µs, then they wait for the next one.
/// One period's worth is one CPU; a quota above the period is more than one. See the kernel's
/// [CFS bandwidth control](https://docs.kernel.org/scheduler/sched-bwc.html).
pub struct CpuLimit {
    group: Group,
    quota: i64,
    period: u64,
}

impl CpuLimit {
    /// So many CPUs: 0.2 is 20000 µs in each 100000.
    pub fn cores(cpus: f64) -> CpuLimit {
        CpuLimit::quota((cpus * 100_000.0).round() as i64, 100_000)
    }

    /// Quota and period in µs; a negative quota is no limit.
    pub fn quota(quota: i64, period: u64) -> CpuLimit {
        CpuLimit { group: Group::default(), quota, period }
    }

    /// In this group, and not that of the run.
    pub fn of(self, group: &Group) -> CpuLimit {
        CpuLimit { group: group.clone(), ..self }
    }
}

impl Part for CpuLimit {
    fn prepare(&mut self) -> Result<()> {
        let group = self.group.make(Controller::CPU)?;
        match group.version {
            Version::V1 => {
                set(&group, "cpu.cfs_period_us", self.period, (Errno::EINVAL, RANGE))?;
                set(&group, "cpu.cfs_quota_us", self.quota.max(-1), (Errno::EINVAL, RANGE))
            }
            Version::V2 => {
                let quota = if self.quota < 0 { "max".into() } else { self.quota.to_string() };
                let both = format!("{quota} {}", self.period);
                set(&group, "cpu.max", both, (Errno::EINVAL, RANGE))
            }
        }
    }

    fn cgroups(&self) -> Result<Vec<Birth>> {
        self.group.births(Controller::CPU)
    }

    fn release(&mut self) -> Result<()> {
        self.group.remove(Controller::CPU)
    }
}
// ANCHOR_END: cpu-limit

// ANCHOR: cpu-weight
/// A share, when there is not enough for all: a group with twice the shares of another gets twice its time. It limits
/// nobody on an idle machine.
pub struct CpuWeight {
    group: Group,
    shares: u64,
}

impl CpuWeight {
    /// In v1's unit, which Docker and Kubernetes kept: 1024 is what a group has that nobody asked for.
    pub fn shares(shares: u64) -> CpuWeight {
        CpuWeight { group: Group::default(), shares }
    }

    /// In this group, and not that of the run.
    pub fn of(self, group: &Group) -> CpuWeight {
        CpuWeight { group: group.clone(), ..self }
    }
}

/// v1's range 2 … 262144 laid upon v2's 1 … 10000, in a straight line, as runc did until 1.3. The defaults do not meet:
/// 1024 becomes 39, where v2's own default is 100.
pub fn weight_of(shares: u64) -> u64 {
    1 + ((shares.clamp(SHARES.0, SHARES.1) - SHARES.0) * 9999) / (SHARES.1 - SHARES.0)
}

impl Part for CpuWeight {
    fn prepare(&mut self) -> Result<()> {
        let group = self.group.make(Controller::CPU)?;
        let never = (Errno::EINVAL, "a number of shares");
        match group.version {
            // The kernel takes what is too small or too large as the smallest or largest: it is read back, and said.
            Version::V1 => set(&group, "cpu.shares", self.shares, never),
            Version::V2 => {
                let taken = self.shares.clamp(SHARES.0, SHARES.1);
                if taken != self.shares {
                    notice(format!("cpu.shares: {} was asked for, taken as {taken}", self.shares));
                }
                set(&group, "cpu.weight", weight_of(taken), never)
            }
        }
    }

    fn cgroups(&self) -> Result<Vec<Birth>> {
        self.group.births(Controller::CPU)
    }

    fn release(&mut self) -> Result<()> {
        self.group.remove(Controller::CPU)
    }
}
// ANCHOR_END: cpu-weight

/// The account: time used, periods, throttled. In v1 counting time is a controller of its own. What it says at the end is
/// told before the group goes, so list it after the parts of the same group: released first.
#[derive(Default)]
pub struct CpuAccount {
    group: Group,
}

impl CpuAccount {
    /// In this group, and not that of the run.
    pub fn of(group: &Group) -> CpuAccount {
        CpuAccount { group: group.clone() }
    }
}

impl Part for CpuAccount {
    fn prepare(&mut self) -> Result<()> {
        self.group.make(Controller::CPU)?;
        self.group.make(Controller::CPUACCT).map(drop)
    }

    fn cgroups(&self) -> Result<Vec<Birth>> {
        let mut births = self.group.births(Controller::CPU)?;
        births.extend(self.group.births(Controller::CPUACCT)?);
        Ok(births)
    }

    fn release(&mut self) -> Result<()> {
        if listening() {
            self.tell();
        }
        self.group.remove(Controller::CPUACCT)?;
        self.group.remove(Controller::CPU)
    }
}

impl CpuAccount {
    fn tell(&self) {
        // A second release finds no group, and nothing to say.
        let Ok(stat) = self.group.cpu() else { return };
        let (usage, stopped) = (stat.usage.as_millis(), stat.throttled_for.as_millis());
        evidence("CPU time of the box, in ms", time(usage));
        let periods = format!("{} of {}", count(stat.throttled), count(stat.periods));
        evidence("periods in which it was stopped", periods);
        evidence("time for which it was stopped, in ms", time(stopped));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_become_weights_in_a_straight_line() {
        let weights = [2, 512, 1024, 2048, 262_144].map(weight_of);
        assert_eq!(weights, [1, 20, 39, 79, 10_000]);
        assert_eq!((weight_of(0), weight_of(u64::MAX)), (1, 10_000));
    }

    #[test]
    fn a_fifth_of_a_cpu_is_a_fifth_of_the_period() {
        let limit = CpuLimit::cores(0.2);
        assert_eq!((limit.quota, limit.period), (20_000, 100_000));
    }
}
