//! What the files of a group say, parsed.

use std::time::Duration;

use nix::unistd::Pid;

use super::{Place, Version};
use crate::error::Result;

/// What a group has used of the CPUs, and how often it was stopped. The sums only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuStat {
    /// CPU time of all its processes, those that ended included.
    pub usage: Duration,
    /// Periods in which it wanted to run and had a quota.
    pub periods: u64,
    /// Those of them in which the quota was used up.
    pub throttled: u64,
    /// For how long it was stopped, summed over the CPUs.
    pub throttled_for: Duration,
}

impl CpuStat {
    /// Reads it. v1 has the time used in another hierarchy: `cpuacct`, when that is known.
    pub fn of(cpu: &Place, cpuacct: Option<&Place>) -> Result<CpuStat> {
        let mut stat = CpuStat::parse(&cpu.read("cpu.stat")?);
        if let Some(place) = cpuacct.filter(|place| place.version == Version::V1) {
            stat.usage = Duration::from_nanos(place.number("cpuacct.usage")?);
        }
        Ok(stat)
    }

    /// `cpu.stat`: v1 counts nanoseconds in `throttled_time`, v2 microseconds in all that ends in `_usec`.
    fn parse(text: &str) -> CpuStat {
        let value = |key| value(text, key).unwrap_or_default();
        let nanos = Duration::from_nanos(value("throttled_time"));
        CpuStat {
            usage: Duration::from_micros(value("usage_usec")),
            periods: value("nr_periods"),
            throttled: value("nr_throttled"),
            throttled_for: nanos + Duration::from_micros(value("throttled_usec")),
        }
    }

    /// What was added since `before`.
    pub fn since(self, before: CpuStat) -> CpuStat {
        CpuStat {
            usage: self.usage.saturating_sub(before.usage),
            periods: self.periods.saturating_sub(before.periods),
            throttled: self.throttled.saturating_sub(before.throttled),
            throttled_for: self.throttled_for.saturating_sub(before.throttled_for),
        }
    }
}

/// State of the freezer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frozen {
    /// It runs.
    No,
    /// Some processes have not come to a point where they can stop.
    Freezing,
    /// No process of it runs.
    Yes,
}

impl Frozen {
    pub(super) fn of_v1(state: &str) -> Frozen {
        match state.trim() {
            "FROZEN" => Frozen::Yes,
            "FREEZING" => Frozen::Freezing,
            _ => Frozen::No,
        }
    }

    pub(super) fn of_v2(asked: &str, events: &str) -> Frozen {
        match (asked.trim(), value(events, "frozen")) {
            (_, Some(1)) => Frozen::Yes,
            ("1", _) => Frozen::Freezing,
            _ => Frozen::No,
        }
    }
}

/// The value of a line `key value`.
fn value(text: &str, key: &str) -> Option<u64> {
    let of_line = |line: &str| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok();
    text.lines().find_map(of_line)
}

/// One number a line. A process of a PID namespace that is not ours shows as 0, and is left out.
pub(super) fn pids(text: &str) -> Vec<Pid> {
    let numbers = text.lines().filter_map(|line| line.trim().parse().ok());
    numbers.filter(|pid| *pid > 0).map(Pid::from_raw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v1_counts_nanoseconds_and_v2_microseconds() {
        let v1 = CpuStat::parse("nr_periods 9\nnr_throttled 4\nthrottled_time 5000\n");
        assert_eq!((v1.periods, v1.throttled, v1.throttled_for.as_micros()), (9, 4, 5));
        let v2 = CpuStat::parse("usage_usec 70\nuser_usec 60\nnr_throttled 4\nthrottled_usec 5\n");
        assert_eq!((v2.usage.as_micros(), v2.throttled, v2.throttled_for.as_micros()), (70, 4, 5));
    }

    #[test]
    fn a_freezer_has_three_states() {
        assert_eq!(Frozen::of_v1("FREEZING\n"), Frozen::Freezing);
        assert_eq!(Frozen::of_v2("1\n", "populated 1\nfrozen 0\n"), Frozen::Freezing);
        assert_eq!(Frozen::of_v2("1\n", "populated 1\nfrozen 1\n"), Frozen::Yes);
        assert_eq!(Frozen::of_v2("0\n", "frozen 0\n"), Frozen::No);
    }

    proptest::proptest! {
        #[test]
        fn parsers_never_panic(text in "\\PC*") {
            CpuStat::parse(&text);
            pids(&text);
            Frozen::of_v2(&text, &text);
        }
    }
}
