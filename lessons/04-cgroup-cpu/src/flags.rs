//! The flags that this lesson adds to `run`: Docker's, with Docker's meaning.

use std::ops::Deref;
use std::path::PathBuf;

use clap::Args;
use clone_pid::{Birth, Part};
use ground::Result;
use ground::cgroup::{Controller, layout};
use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;

use crate::group::wrong;
use crate::{CpuAccount, CpuLimit, CpuWeight, Cpuset, Freezer, Group};

/// The period that the kernel gives a new group, in µs.
const PERIOD: u64 = 100_000;

/// `run --cpus 0.5` and its relatives.
#[derive(Args, Clone, Debug, Default)]
#[group(skip)] // clap would name a group after the struct, and earlier lessons' have the same name
pub struct Flags {
    /// Lesson 03's flags.
    #[command(flatten)]
    pub base: chroot::flags::Flags,
    /// Number of CPUs that the box may use at most: 0.5, 2
    #[arg(long, value_name = "N", conflicts_with_all = ["cpu_quota", "cpu_period"], value_parser = cpus)]
    pub cpus: Option<f64>,
    /// The same in µs of each period; -1 is no limit
    #[arg(long, value_name = "US", allow_negative_numbers = true)]
    pub cpu_quota: Option<i64>,
    /// Length of a period, from 1000 to 1000000 µs; 100000 when left out
    #[arg(long, value_name = "US")]
    pub cpu_period: Option<u64>,
    /// Weight against other groups when the CPUs are busy; 1024 is usual
    #[arg(short = 'c', long, value_name = "N")]
    pub cpu_shares: Option<u64>,
    /// CPUs on which the box may run: 0-2,5
    #[arg(long, value_name = "LIST", value_parser = list)]
    pub cpuset_cpus: Option<String>,
    /// Memory nodes from which it may take: 0
    #[arg(long, value_name = "LIST", value_parser = list)]
    pub cpuset_mems: Option<String>,
    /// Existing cgroup in which the box gets its own, counted from the root of each hierarchy
    #[arg(long, value_name = "PATH")]
    pub cgroup_parent: Option<PathBuf>,
}

/// The flags of the lessons before are this one's, too.
impl Deref for Flags {
    type Target = chroot::flags::Flags;

    fn deref(&self) -> &Self::Target {
        &self.base
    }
}

impl Flags {
    /// The group of the box.
    pub fn group(&self) -> Group {
        Group::default().below(self.cgroup_parent.clone())
    }

    /// The parts that the flags describe. Without any of them the box still gets a group that can be paused and looked at,
    /// where this user may make one.
    pub fn cpu(&self) -> Several {
        let group = self.group();
        let mut parts = Several::default();
        if let Some(cpus) = self.cpus {
            parts.push(CpuLimit::cores(cpus).of(&group));
        } else if given(self.cpu_quota).is_some() || given(self.cpu_period).is_some() {
            let (quota, period) = (given(self.cpu_quota), given(self.cpu_period));
            let (quota, period) = (quota.unwrap_or(-1), period.unwrap_or(PERIOD));
            parts.push(CpuLimit::quota(quota, period).of(&group));
        }
        if let Some(shares) = given(self.cpu_shares) {
            parts.push(CpuWeight::shares(shares).of(&group));
        }
        if self.cpuset_cpus.is_some() || self.cpuset_mems.is_some() {
            let (cpus, mems) = (self.cpuset_cpus.clone(), self.cpuset_mems.clone());
            parts.push(Cpuset::new(cpus, mems).of(&group));
        }
        let wanted = !parts.0.is_empty() || self.cgroup_parent.is_some();
        if wanted || usable(&[Controller::FREEZER]) {
            parts.push(Freezer::of(&group));
        }
        if wanted || usable(&[Controller::CPU, Controller::CPUACCT]) {
            parts.push(CpuAccount::of(&group));
        }
        parts
    }
}

/// Docker takes 0 for what was left out.
fn given<T: Default + PartialEq>(value: Option<T>) -> Option<T> {
    value.filter(|value| *value != T::default())
}

fn usable(controllers: &[Controller]) -> bool {
    layout().is_ok_and(|layout| controllers.iter().all(|c| layout.usable(*c).is_some()))
}

/// Any number of parts that need nothing but groups, in order.
#[derive(Default)]
pub struct Several(Vec<Box<dyn Part>>);

impl Several {
    /// Adds one.
    pub fn push(&mut self, part: impl Part + 'static) {
        self.0.push(Box::new(part));
    }
}

impl Part for Several {
    fn prepare(&mut self) -> Result<()> {
        self.0.iter_mut().try_for_each(|part| part.prepare())
    }

    fn cgroups(&self) -> Result<Vec<Birth>> {
        let births: Result<Vec<_>> = self.0.iter().map(|part| part.cgroups()).collect();
        Ok(births?.into_iter().flatten().collect())
    }

    fn release(&mut self) -> Result<()> {
        let outcomes: Vec<_> = self.0.iter_mut().rev().map(|part| part.release()).collect();
        outcomes.into_iter().collect()
    }
}

/// As Docker takes it: a decimal number, at least 0.01, and no more than there are.
fn cpus(word: &str) -> Result<f64> {
    let ours = sched_getaffinity(Pid::from_raw(0)).unwrap_or_default();
    let all = (0..CpuSet::count()).filter(|cpu| ours.is_set(*cpu) == Ok(true)).count() as f64;
    let decimal = word.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match word.parse::<f64>() {
        Ok(cpus) if decimal && (0.01..=all).contains(&cpus) => Ok(cpus),
        Ok(_) if decimal => {
            Err(wrong(format!("from 0.01 to {all:.2} CPUs, for there are {all} here")))
        }
        _ => Err(wrong("a number of CPUs like 0.5 or 2")),
    }
}

fn list(word: &str) -> Result<String> {
    match crate::cpuset::numbers(word) {
        Some(numbers) if !numbers.is_empty() => Ok(word.to_string()),
        _ => Err(wrong("a list like 0-2,5 of numbers that a machine can have")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_are_a_decimal_number_in_range() {
        assert_eq!(cpus("0.5").unwrap(), 0.5);
        assert_eq!(cpus("1").unwrap(), 1.0);
        for word in ["", "0", "0.001", "-1", "1e0", "inf", "NaN", "100000", "0.5.1", "half"] {
            assert!(cpus(word).is_err(), "{word}");
        }
    }

    #[test]
    fn lists_are_checked_before_anything_is_made() {
        assert!(list("0-1,3").is_ok());
        assert!(["", ",", "a", "1-0", "0x1"].iter().all(|word| list(word).is_err()));
    }
}
