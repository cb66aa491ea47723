//! The limits that a process lives under: the tightest one on the way from its group to the root, in v1 or v2.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Entry, entry, unknown};
use crate::error::Result;
use crate::needs::controllers;
use crate::proc::Process;
use crate::proc::cgroup::Membership;
use crate::proc::mountinfo::Mount;
use crate::text::count;

/// The rows for CPU, memory and number of processes.
pub(super) fn entries(process: &Process) -> Result<[Entry; 3]> {
    let view = View::of(process)?;
    Ok([
        view.limit("CPU limit", "cpu", &cpus, |n| format!("{} CPUs", rounded(n))),
        view.limit("memory limit", "memory", &memory, bytes),
        view.limit("pids limit", "pids", &pids, |n| n.to_string()),
    ])
}

/// The groups of the process, and the hierarchies as this process sees them.
pub(crate) struct View {
    groups: Vec<Membership>,
    mounts: Vec<Mount>,
}

impl View {
    pub(crate) fn of(process: &Process) -> Result<View> {
        Ok(View { groups: process.cgroups()?, mounts: Process::this().mounts()? })
    }

    fn limit(
        &self,
        thing: &'static str,
        controller: &str,
        read: &dyn Fn(&Path) -> Option<f64>,
        show: impl Fn(f64) -> String,
    ) -> Entry {
        let Some((root, group)) = self.directory(controller) else {
            return unknown(thing, "not visible from here");
        };
        let tightest = tightest(root, &group, read);
        // A host may have limits of its own: systemd gives every user one on the number of processes.
        let shown = count(tightest.map_or("none".into(), show)).to_string();
        entry(thing, shown, format_args!("{tightest:?}"))
    }

    /// Root of the hierarchy that has the controller, and the process's group in it.
    pub(crate) fn directory(&self, controller: &str) -> Option<(&Path, PathBuf)> {
        let has = |group: &&Membership| group.controllers.iter().any(|c| c == controller);
        let v1 = self.groups.iter().find(has);
        let group = v1.or_else(|| self.groups.iter().find(|group| group.is_v2()))?;
        let is_its = |mount: &&Mount| match v1 {
            Some(_) => {
                mount.kind == "cgroup" && mount.super_options.iter().any(|o| o == controller)
            }
            None => mount.kind == "cgroup2",
        };
        // In a container one mount may show only a part of the hierarchy, and another one more.
        self.mounts
            .iter()
            .filter(is_its)
            .find_map(|mount| Some((&*mount.point, controllers::group_below(mount, &group.path)?)))
    }
}

/// The least that a group and those around it say.
pub(crate) fn tightest(
    root: &Path,
    group: &Path,
    read: impl Fn(&Path) -> Option<f64>,
) -> Option<f64> {
    let way = group.ancestors().take_while(|dir| dir.starts_with(root));
    way.filter_map(read).min_by(f64::total_cmp)
}

/// `cpu.max` is "QUOTA PERIOD" or "max PERIOD"; v1 has a file for each, and -1 for none.
pub(crate) fn cpus(dir: &Path) -> Option<f64> {
    match fs::read_to_string(dir.join("cpu.max")) {
        Ok(text) => share(&text),
        Err(_) => {
            let file = |name| fs::read_to_string(dir.join(name)).ok();
            share(&format!("{} {}", file("cpu.cfs_quota_us")?, file("cpu.cfs_period_us")?))
        }
    }
}

/// Quota over period.
fn share(text: &str) -> Option<f64> {
    let mut words = text.split_whitespace().map(|word| word.parse().ok());
    let (quota, period): (f64, f64) = (words.next()??, words.next()??);
    (quota > 0.0 && period > 0.0).then_some(quota / period)
}

pub(crate) fn memory(dir: &Path) -> Option<f64> {
    let file = |name| fs::read_to_string(dir.join(name)).ok();
    number(&file("memory.max").or_else(|| file("memory.limit_in_bytes"))?)
}

pub(crate) fn pids(dir: &Path) -> Option<f64> {
    number(&fs::read_to_string(dir.join("pids.max")).ok()?)
}

/// `max`, and v1's largest multiple of a page, mean none.
fn number(text: &str) -> Option<f64> {
    let value: f64 = text.trim().parse().ok()?;
    (value < i64::MAX as f64 * 0.999).then_some(value)
}

/// At most three decimals: a third of a CPU is 0.333.
fn rounded(n: f64) -> f64 {
    (n * 1000.0).round() / 1000.0
}

fn bytes(n: f64) -> String {
    const MIB: f64 = 1048576.0;
    match n {
        n if n >= MIB => format!("{} MiB", (n / MIB * 10.0).round() / 10.0),
        n => format!("{n} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc::{cgroup, mountinfo};

    #[test]
    fn quota_over_period() {
        assert_eq!(share("25000 100000\n"), Some(0.25));
        assert_eq!(share("max 100000\n"), None);
        assert_eq!(share("-1\n 100000\n"), None);
        assert_eq!(share("100000\n"), None);
        assert_eq!(rounded(1.0 / 3.0).to_string(), "0.333");
    }

    #[test]
    fn the_largest_number_of_v1_is_no_limit() {
        assert_eq!(number("9223372036854771712\n"), None);
        assert_eq!(number("max\n"), None);
        assert_eq!(number("67108864\n").map(bytes).as_deref(), Some("64 MiB"));
        assert_eq!(bytes(1500.0 * 1024.0 * 1024.0 + 300000.0), "1500.3 MiB");
        assert_eq!(bytes(4096.0), "4096 bytes");
    }

    fn view(groups: &str, mounts: &str) -> View {
        View { groups: cgroup::parse(groups).unwrap(), mounts: mountinfo::parse(mounts).unwrap() }
    }

    #[test]
    fn a_group_is_looked_for_where_its_controller_is() {
        let view = view(
            "2:cpu,cpuacct:/box\n0::/scope/box\n",
            "32 31 0:29 / /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
             41 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw\n",
        );
        let dir = |controller| view.directory(controller).unwrap().1;
        assert_eq!(dir("cpu"), Path::new("/cg/cpu/box"));
        assert_eq!(dir("memory"), Path::new("/cg/unified/scope/box"));
    }

    #[test]
    fn a_group_outside_of_what_is_mounted_is_not_visible() {
        let mounts = "41 31 0:38 /me /cg rw - cgroup2 cgroup2 rw\n";
        assert!(view("0::/you\n", mounts).directory("cpu").is_none());
        assert!(
            view("0::/../you\n", mounts.replace("/me", "/").as_str()).directory("cpu").is_none()
        );
        assert_eq!(view("0::/me/x\n", mounts).directory("cpu").unwrap().1, Path::new("/cg/x"));
        let unseen = view("0::/you\n", mounts).limit("CPU limit", "cpu", &cpus, |n| n.to_string());
        assert_eq!(unseen.compared, None);
    }
}
