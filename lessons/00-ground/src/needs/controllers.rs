//! Where a cgroup with a given controller can be made: in v1 each controller has a hierarchy, v2 has one for all. A host
//! may have either or both; a controller is in one of the two only.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::error::Result;
use crate::proc::cgroup::Membership;
use crate::proc::mountinfo::Mount;
use crate::proc::{Process, read_whole};

/// A controller by its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Controller {
    /// In v1.
    pub v1: &'static str,
    /// In v2; the freezer is not a controller there, but a file of every group.
    pub v2: Option<&'static str>,
}

impl Controller {
    /// CPU quota and weight.
    pub const CPU: Controller = Controller { v1: "cpu", v2: Some("cpu") };
    /// Binding to CPUs.
    pub const CPUSET: Controller = Controller { v1: "cpuset", v2: Some("cpuset") };
    /// Freezing.
    pub const FREEZER: Controller = Controller { v1: "freezer", v2: None };
    /// Memory limits.
    pub const MEMORY: Controller = Controller { v1: "memory", v2: Some("memory") };
    /// Number of processes.
    pub const PIDS: Controller = Controller { v1: "pids", v2: Some("pids") };
    /// Block I/O.
    pub const IO: Controller = Controller { v1: "blkio", v2: Some("io") };
}

/// The mounted hierarchies, as this process sees them.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    mounts: Vec<Mount>,
    groups: Vec<Membership>,
    /// Controllers that v2's topmost visible group has.
    pub v2_controllers: BTreeSet<String>,
}

impl Layout {
    /// Reads it.
    pub fn read() -> Result<Layout> {
        let this = Process::this();
        let mut layout = Layout::of(this.mounts()?, this.cgroups()?);
        let file = layout.v2().map(|mount| mount.point.join("cgroup.controllers"));
        layout.v2_controllers = file.map(|file| words(&file)).unwrap_or_default();
        Ok(layout)
    }

    fn of(mounts: Vec<Mount>, groups: Vec<Membership>) -> Layout {
        let mounts = mounts.into_iter().filter(|m| m.kind == "cgroup" || m.kind == "cgroup2");
        Layout { mounts: mounts.collect(), groups, v2_controllers: BTreeSet::new() }
    }

    /// The mounts of all hierarchies.
    pub fn mounts(&self) -> impl Iterator<Item = &Mount> {
        self.mounts.iter()
    }

    /// The unified hierarchy, if it is mounted.
    pub fn v2(&self) -> Option<&Mount> {
        self.mounts.iter().find(|mount| mount.kind == "cgroup2")
    }

    /// The controllers of mounted v1 hierarchies, in the order of the mounts.
    pub fn v1_controllers(&self) -> Vec<&str> {
        let hierarchies = self.groups.iter().flat_map(|group| &group.controllers);
        let known: BTreeSet<&str> = hierarchies.map(String::as_str).collect();
        let v1 = self.mounts.iter().filter(|mount| mount.kind == "cgroup");
        let options = v1.flat_map(|mount| &mount.super_options).map(String::as_str);
        options.filter(|option| known.contains(option) && !option.starts_with("name=")).collect()
    }

    /// v1, v2, hybrid or none.
    pub fn word(&self) -> &'static str {
        match (self.v1_controllers().is_empty(), self.v2().is_some()) {
            (false, false) => "v1",
            (false, true) => "hybrid",
            (true, true) => "v2",
            (true, false) => "none",
        }
    }

    /// The hierarchy that has the controller.
    pub fn hierarchy(&self, controller: Controller) -> Option<&Mount> {
        let has = |mount: &&Mount| mount.super_options.iter().any(|o| o == controller.v1);
        let v1 = self.mounts.iter().filter(|mount| mount.kind == "cgroup").find(has);
        let in_v2 = controller.v2.is_none_or(|name| self.v2_controllers.contains(name));
        v1.or_else(|| self.v2().filter(|_| in_v2))
    }

    /// The directory in which this process may make a group with the controller: the topmost one if it may write there,
    /// else the group that it is in, if that was delegated with the controller.
    pub fn usable(&self, controller: Controller) -> Option<PathBuf> {
        let mount = self.hierarchy(controller)?;
        let candidates = [Some(mount.point.clone()), self.own_group(mount)];
        let writable = |dir: &PathBuf| access(dir, AccessFlags::W_OK).is_ok();
        let v2_name = controller.v2.filter(|_| mount.kind == "cgroup2");
        let offered = |dir: &PathBuf| {
            v2_name.is_none_or(|name| words(&dir.join("cgroup.controllers")).contains(name))
        };
        candidates.into_iter().flatten().find(writable).filter(offered)
    }

    /// The group of this process in a hierarchy. See cgroup_namespaces(7): the path is relative to the root of this
    /// process's cgroup namespace, as is the root of the mount.
    pub fn own_group(&self, mount: &Mount) -> Option<PathBuf> {
        let is_its = |group: &&Membership| match mount.kind.as_str() {
            "cgroup2" => group.is_v2(),
            _ => group.controllers.iter().any(|c| mount.super_options.contains(c)),
        };
        let group = self.groups.iter().find(is_its)?;
        group_below(mount, &group.path)
    }
}

/// The directory of a group, when a mount shows it. See cgroup_namespaces(7): a path that leads out of the reader's
/// namespace begins with `/..`.
pub fn group_below(mount: &Mount, group: &str) -> Option<PathBuf> {
    let below = Path::new(group).strip_prefix(&mount.root).ok()?;
    let leads_out = below.components().any(|part| part == Component::ParentDir);
    (!leads_out).then(|| mount.point.join(below))
}

/// Whether the kernel swaps, and tells for each group how much. In v2 every group but the root has the file.
pub(super) fn counts_swap() -> bool {
    let counts = |layout: Layout| match layout.hierarchy(Controller::MEMORY) {
        Some(v2) if v2.kind == "cgroup2" => true,
        Some(v1) => v1.point.join("memory.memsw.usage_in_bytes").exists(),
        None => false,
    };
    Path::new("/proc/swaps").exists() && Layout::read().is_ok_and(counts)
}

/// Whether memory is in a v1 hierarchy, in which this process may make groups.
pub(super) fn has_memory_v1() -> bool {
    has_memory_in("cgroup")
}

/// The same for v2.
pub(super) fn has_memory_v2() -> bool {
    has_memory_in("cgroup2")
}

fn has_memory_in(kind: &str) -> bool {
    let there = |l: &Layout| l.hierarchy(Controller::MEMORY).is_some_and(|m| m.kind == kind);
    Layout::read().is_ok_and(|l| there(&l) && l.usable(Controller::MEMORY).is_some())
}

/// The words of a file; none when it cannot be read.
pub fn words(file: &Path) -> BTreeSet<String> {
    let bytes = read_whole(file).unwrap_or_default();
    String::from_utf8_lossy(&bytes).split_whitespace().map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc::{cgroup, mountinfo};

    fn layout(mounts: &str, groups: &str, v2: &[&str]) -> Layout {
        let layout = Layout::of(mountinfo::parse(mounts).unwrap(), cgroup::parse(groups).unwrap());
        Layout { v2_controllers: v2.iter().map(|c| c.to_string()).collect(), ..layout }
    }

    const V2: &str = "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";
    const V1: &str = "32 31 0:29 / /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
                      40 31 0:37 / /cg/systemd rw - cgroup cgroup rw,xattr,name=systemd\n";
    const V1_GROUPS: &str = "2:cpu,cpuacct:/a\n1:name=systemd:/\n0::/\n";

    #[test]
    fn the_layout_has_a_name() {
        let unified = "41 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw\n";
        assert_eq!(layout(V2, "0::/\n", &["cpu"]).word(), "v2");
        assert_eq!(layout(V1, V1_GROUPS, &[]).word(), "v1");
        assert_eq!(layout(&format!("{V1}{unified}"), V1_GROUPS, &[]).word(), "hybrid");
        assert_eq!(layout("", "", &[]).word(), "none");
    }

    #[test]
    fn a_controller_is_found_in_the_hierarchy_that_has_it() {
        let unified = "41 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw\n";
        let hybrid = layout(&format!("{V1}{unified}"), V1_GROUPS, &["memory"]);
        let point = |c| hybrid.hierarchy(c).map(|mount| mount.point.display().to_string());
        assert_eq!(point(Controller::CPU).as_deref(), Some("/cg/cpu"));
        assert_eq!(point(Controller::MEMORY).as_deref(), Some("/cg/unified"));
        assert_eq!(point(Controller::PIDS), None);
        assert_eq!(point(Controller::FREEZER).as_deref(), Some("/cg/unified"));
        assert_eq!(hybrid.v1_controllers(), ["cpu", "cpuacct"]);
    }

    #[test]
    fn the_own_group_stands_below_the_mount_point() {
        let v1 = layout(V1, V1_GROUPS, &[]);
        let mount = v1.hierarchy(Controller::CPU).unwrap();
        assert_eq!(v1.own_group(mount), Some(PathBuf::from("/cg/cpu/a")));
    }
}
