//! The limits that a process lives under: the tightest one on the way from its group to the root, in v1 or v2.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Entry, entry};
use crate::error::Result;
use crate::proc::Process;
use crate::proc::cgroup::Membership;
use crate::proc::mountinfo::Mount;
use crate::text::size;

/// The rows for CPU, memory and number of processes.
pub(super) fn entries(process: &Process) -> Result<[Entry; 3]> {
    let groups = process.cgroups()?;
    let mounts = Process::this().mounts()?;
    let tightest = |controller: &str, read: &dyn Fn(&Path) -> Option<f64>| {
        let (root, group) = directory(controller, &groups, &mounts)?;
        let way = group.ancestors().take_while(|dir| dir.starts_with(&root));
        way.filter_map(read).min_by(f64::total_cmp)
    };
    let cpu = tightest("cpu", &cpus);
    let memory = tightest("memory", &|dir| number(dir, &["memory.max", "memory.limit_in_bytes"]));
    let pids = tightest("pids", &|dir| number(dir, &["pids.max"]));
    let none = || "none".to_string();
    Ok([
        limit("CPU limit", cpu, cpu.map_or_else(none, |n| format!("{n} CPUs"))),
        limit("memory limit", memory, memory.map_or_else(none, |n| size(bytes(n)).to_string())),
        limit("pids limit", pids, pids.map_or_else(none, |n| n.to_string())),
    ])
}

fn limit(thing: &'static str, value: Option<f64>, shown: String) -> Entry {
    entry(thing, shown, format_args!("{value:?}"))
}

/// Root of the hierarchy that has the controller, and the process's group in it.
fn directory(
    controller: &str,
    groups: &[Membership],
    mounts: &[Mount],
) -> Option<(PathBuf, PathBuf)> {
    let v1 = groups.iter().find(|group| group.controllers.iter().any(|c| c == controller));
    let group = v1.or_else(|| groups.iter().find(|group| group.is_v2()))?;
    let mount = mounts.iter().find(|mount| match v1 {
        Some(_) => mount.kind == "cgroup" && mount.super_options.iter().any(|o| o == controller),
        None => mount.kind == "cgroup2",
    })?;
    // In a container the mount may show only a part of the hierarchy.
    let below = Path::new(&group.path).strip_prefix(&mount.root).ok()?;
    Some((mount.point.clone(), mount.point.join(below)))
}

/// `cpu.max` is "QUOTA PERIOD" or "max PERIOD"; v1 has a file for each, and -1 for none.
fn cpus(dir: &Path) -> Option<f64> {
    let v2 = fs::read_to_string(dir.join("cpu.max")).ok();
    let (quota, period) = match v2.as_deref().and_then(|text| text.trim().split_once(' ')) {
        Some((quota, period)) => (quota.parse().ok()?, period.parse().ok()?),
        None => (number(dir, &["cpu.cfs_quota_us"])?, number(dir, &["cpu.cfs_period_us"])?),
    };
    (quota > 0.0 && period > 0.0).then_some(quota / period)
}

/// The number in the first of these files that exists; `max`, and v1's largest multiple of a page, mean none.
fn number(dir: &Path, files: &[&str]) -> Option<f64> {
    let text = files.iter().find_map(|file| fs::read_to_string(dir.join(file)).ok())?;
    let value: f64 = text.trim().parse().ok()?;
    (value < i64::MAX as f64 * 0.999).then_some(value)
}

fn bytes(n: f64) -> String {
    match n {
        n if n >= f64::from(1 << 20) => format!("{:.1} MiB", n / f64::from(1 << 20)),
        n => format!("{n} bytes"),
    }
}
