//! The two numbers of a limit: defaults, range, and where one may write them.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, step};
use std::fs;

use cgroup_cpu::beyond::Kept;
use cgroup_cpu::write;
use ground::cgroup::Place;
use nix::errno::Errno;

use crate::stage::on_v2;

pub const EXPERIMENT: Experiment = Experiment {
    name: "bandwidth-files",
    title: "quota and period: defaults, range, and the root group that has none",
    level: Level::Deep,
    claims: &["C072", "C073", "C074"],
    needs: &[Need::Admin, Need::Clone3, Need::CpuController],
    run,
};

const NOTE: (Errno, &str) = (Errno::EINVAL, "refused");

fn run(findings: &mut Findings) -> Result<()> {
    step("What a new group has");
    let kept = Kept::cpu("a")?;
    let place = kept.place()?;
    let (quota, period) = now(&place)?;
    let file = if on_v2() { "cpu.max" } else { "cpu.cfs_quota_us and cpu.cfs_period_us" };
    evidence(place.shown(file), format!("{quota} {period}"));
    findings.holds("C072", (quota == "-1" || quota == "max") && period == "100000");

    step("The period is said to be fixed. Try five");
    let outcomes = [999, 1000, 50_000, 1_000_000, 1_000_001].map(|us| set_period(&place, us));
    conclude("from 1 ms to 1 s, and nothing beyond");
    findings.holds("C074", outcomes[1..4].iter().any(|accepted| !accepted));

    step("Write a limit where the article does, into the root group: the value that it has");
    let worked = at_root(&place);
    conclude("the root group is everything that runs here, and cannot be limited");
    step("The same in the group that was made");
    let in_group = set_quota(&place, 20_000);
    findings.because("the path lacks the name of the group; and the period may be changed");
    findings.holds("C073", worked && in_group);
    Ok(())
}

fn now(place: &Place) -> Result<(String, String)> {
    if on_v2() {
        let both = place.read("cpu.max")?;
        let (quota, period) = both.split_once(' ').unwrap_or((&both, ""));
        return Ok((quota.into(), period.into()));
    }
    Ok((place.read("cpu.cfs_quota_us")?, place.read("cpu.cfs_period_us")?))
}

fn set_period(place: &Place, us: u64) -> bool {
    match on_v2() {
        true => write(place, "cpu.max", format_args!("max {us}"), NOTE).is_ok(),
        false => write(place, "cpu.cfs_period_us", us, NOTE).is_ok(),
    }
}

fn set_quota(place: &Place, us: u64) -> bool {
    match on_v2() {
        true => write(place, "cpu.max", format_args!("{us} 100000"), NOTE).is_ok(),
        false => write(place, "cpu.cfs_quota_us", us, NOTE).is_ok(),
    }
}

/// Nothing changes if it should succeed, as in a container whose "root" is a group like any other.
fn at_root(place: &Place) -> bool {
    let (file, root) = match on_v2() {
        true => ("cpu.max", place.top.join("cpu.max")),
        false => ("cpu.cfs_quota_us", place.top.join("cpu.cfs_quota_us")),
    };
    let top = Place { dir: place.top.clone(), ..place.clone() };
    let value = fs::read_to_string(root).unwrap_or_else(|_| "-1".into());
    write(&top, file, value.trim(), NOTE).is_ok()
}
