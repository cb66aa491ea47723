//! What a process in the box sees of cgroups: its own group as the root, and the files of it, not to be written.

use std::fs;
use std::path::Path;

use clone_pid::Part;
use ground::Result;
use ground::call::{IntoErrno, doing, quietly};
use ground::cgroup::layout;
use ground::proc::mountinfo::Mount;
use ground::proc::read_whole;
use mount_ns::mount_new;
use nix::mount::{MsFlags, mount};
use nix::sched::CloneFlags;

const AT: &str = "/sys/fs/cgroup";
const HARMLESS: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV).union(MsFlags::MS_NOEXEC);

// ANCHOR: cgroup-namespace
/// The box's group is the root of what it sees: `/proc/self/cgroup` says `/`, and not where on the host it is. The child
/// unshares it once it has joined, for the root is the group in which its maker is. See cgroup_namespaces(7).
pub struct CgroupNamespace;

impl Part for CgroupNamespace {
    fn namespaces(&self) -> CloneFlags {
        CloneFlags::CLONE_NEWCGROUP
    }
}
// ANCHOR_END: cgroup-namespace

// ANCHOR: cgroup-fs
/// `/sys/fs/cgroup` of the box, read-only: who may write there sets its own limits. List it after what makes `/sys`, and
/// with a [`CgroupNamespace`]: else it shows the whole host.
#[derive(Default)]
pub struct CgroupFs {
    hierarchies: Vec<Hierarchy>,
}

impl Part for CgroupFs {
    /// Here, on the host, where its mounts can be read.
    fn prepare(&mut self) -> Result<()> {
        let known = controllers();
        let of = |mount| Hierarchy::of(mount, &known);
        self.hierarchies = layout()?.mounts().filter_map(of).collect();
        Ok(())
    }

    fn enter(&mut self) -> Result<()> {
        let read_only = HARMLESS | MsFlags::MS_RDONLY;
        // Beneath: v1 needs a directory for each hierarchy; and where the host's cgroups are mounted already, as in a /sys
        // that was copied, the kernel refuses the same file system on the same directory with EBUSY.
        mount_new("tmpfs", AT, HARMLESS, "mode=755,size=64k")?;
        if let [Hierarchy { kind: "cgroup2", .. }] = &self.hierarchies[..] {
            return mount_new("cgroup2", AT, read_only, "");
        }
        doing(format_args!("mount each hierarchy below {AT}"))
            .like("mount -t cgroup -o ro,cpu cgroup /sys/fs/cgroup/cpu, …")
            .run(|| self.hierarchies.iter().try_for_each(|hierarchy| hierarchy.mount(read_only)))?;
        let (none, flags) = (None::<&str>, read_only | MsFlags::MS_REMOUNT);
        doing(format_args!("mount {AT} MS_REMOUNT|MS_RDONLY"))
            .like_args(format_args!("mount -o remount,ro {AT}"))
            .run(|| mount(none, AT, none, flags, none))
    }
}
// ANCHOR_END: cgroup-fs

/// A hierarchy as mount(2) wants it.
struct Hierarchy {
    kind: &'static str,
    /// The last part of the host's mount point: `cpu,cpuacct`, `unified`.
    name: String,
    /// v1: which hierarchy. One without a controller has a name and wants the word `none`.
    options: String,
}

impl Hierarchy {
    /// In a cgroup namespace the root of what is mounted is the group that is the namespace's root.
    fn mount(&self, flags: MsFlags) -> nix::Result<()> {
        let at = format!("{AT}/{}", self.name);
        fs::create_dir(&at).map_err(IntoErrno::into_errno)?;
        mount(Some(self.kind), at.as_str(), Some(self.kind), flags, Some(self.options.as_str()))
    }

    fn of(mount: &Mount, known: &[String]) -> Option<Hierarchy> {
        let name = mount.point.file_name()?.to_str()?.to_string();
        if mount.kind == "cgroup2" {
            return Some(Hierarchy { kind: "cgroup2", name, options: String::new() });
        }
        let wanted = |o: &&String| known.contains(*o) || o.starts_with("name=");
        let mut options: Vec<&str> =
            mount.super_options.iter().filter(wanted).map(String::as_str).collect();
        if options.iter().all(|option| option.starts_with("name=")) {
            options.insert(0, "none");
        }
        Some(Hierarchy { kind: "cgroup", name, options: options.join(",") })
    }
}

/// The controllers that this kernel has: `/proc/cgroups`.
fn controllers() -> Vec<String> {
    let text = quietly("read /proc/cgroups").run(|| read_whole(Path::new("/proc/cgroups")));
    let text = String::from_utf8(text.unwrap_or_default()).unwrap_or_default();
    let names = text.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    names.map(str::to_string).collect()
}
