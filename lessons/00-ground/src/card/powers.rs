//! `inspect PID --powers`: what could this process do?
//!
//! It is judged from outside, by what the kernel tells of it: capabilities, the user namespace over which it has them, the
//! filter of its system calls, and what stands in its own root directory. That a call is forbidden by a filter, or a device
//! by a rule of its group, cannot be seen from outside: what is listed here is what is left without those two.

use std::fs::{self, DirEntry, File, Metadata};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::statvfs::{FsFlags, fstatvfs};
use nix::unistd::Pid;

use super::meaning::MEANING;
use super::rows::is_identity;
use crate::doctor::capability;
use crate::error::Result;
use crate::proc::Process;
use crate::proc::idmap::IdMap;
use crate::proc::status::Status;
use crate::story::{conclude, evidence, step};
use crate::text::{caps, name};

const CAP_DAC_OVERRIDE: u32 = 1;
const CAP_SYS_ADMIN: u32 = 21;

/// Who can write one of these has the host: a program that it runs, a module, a daemon that obeys.
const DANGEROUS: [&str; 10] = [
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/fs/binfmt_misc/register",
    "/proc/sysrq-trigger",
    "/sys/kernel/uevent_helper",
    "/sys/fs/cgroup/cgroup.procs",
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/podman/podman.sock",
    "/run/crio/crio.sock",
];

/// Nodes that reach memory, ports or virtual machines of the whole machine.
const NODES: [&str; 7] = ["mem", "kmem", "port", "kmsg", "kvm", "fuse", "loop-control"];

/// Tells what a process could do.
///
/// # Errors
/// When there is no such process, or it ends meanwhile.
pub fn powers(pid: Pid) -> Result<()> {
    let process = Process::of(pid);
    let (status, maps) = (process.status()?, process.uid_map()?);
    step("What could this process do?");
    let over_host = is_identity(&maps);
    held(&process, &status, over_host);
    gates(&process, &status)?;
    users(&process, &status, &maps);
    let who =
        Who { uid: status.uid.get(1).copied().unwrap_or(u32::MAX), status: &status, maps: &maps };
    let writable = paths(&process, &who);
    let nodes = devices(&process);
    conclude(verdict(&status, over_host, writable + nodes));
    Ok(())
}

/// Its capabilities, and those that an execve could still give it.
fn held(process: &Process, status: &Status, over_host: bool) {
    let sets = status.capabilities;
    let over = if over_host { "over the host" } else { "over its user namespace" };
    let count = sets.effective.count_ones();
    evidence(process.file("status, CapEff"), format!("{} capabilities, {over}", caps(count)));
    let numbers = (0..64).filter(|number| sets.effective >> number & 1 == 1);
    for number in numbers {
        let meaning = MEANING.get(number as usize).copied().unwrap_or("newer than this program");
        evidence(format!("  {}", capability::name(number)), meaning);
    }
    let more = sets.bounding & !sets.effective;
    if more != 0 && !status.no_new_privs {
        let what = format!("{} more, of a set-user-ID program", caps(more.count_ones()));
        evidence(process.file("status, CapBnd"), what);
    }
}

/// What stands between it and the kernel beside.
fn gates(process: &Process, status: &Status) -> Result<()> {
    let text = process.read("status")?;
    let filters = text
        .lines()
        .find_map(|line| line.strip_prefix("Seccomp_filters:"))
        .map_or("some", str::trim);
    let seccomp = match status.seccomp {
        0 => "off: every system call".to_string(),
        1 => "strict: read, write, exit".to_string(),
        _ => format!("{filters} filter(s)"),
    };
    evidence(process.file("status, Seccomp"), seccomp);
    let privileges = if status.no_new_privs { "set: an execve gives nothing" } else { "not set" };
    evidence(process.file("status, NoNewPrivs"), privileges);
    // EINVAL: no security module that has such a label.
    let label = process.read("attr/current").unwrap_or_default();
    let label = label.trim_end_matches(['\0', '\n']);
    evidence(process.file("attr/current"), name(if label.is_empty() { "no label" } else { label }));
    Ok(())
}

fn users(process: &Process, status: &Status, maps: &[IdMap]) {
    let inside = |map: &IdMap| {
        format!("{} and {} on are {} and on out here", map.inside, map.length, map.outside)
    };
    let shown = match maps {
        [] => "nobody".to_string(),
        _ if is_identity(maps) => "the host's: 0 is root".to_string(),
        some => some.iter().map(inside).collect::<Vec<_>>().join(", "),
    };
    evidence(process.file("uid_map"), name(shown));
    evidence(process.file("status, Uid"), name(status.uid.get(1).copied().unwrap_or(u32::MAX)));
}

/// As whom files are opened.
struct Who<'a> {
    uid: u32,
    status: &'a Status,
    maps: &'a [IdMap],
}

impl Who<'_> {
    /// Whether the mode lets it write. The capability that overrides it counts for files whose owner its user namespace
    /// knows. Groups beside the first and access lists are left out.
    fn may_write(&self, file: &Metadata) -> bool {
        let known = |id: u32| self.maps.iter().any(|map| id.wrapping_sub(map.outside) < map.length);
        let overrides = self.status.capabilities.effective >> CAP_DAC_OVERRIDE & 1 == 1;
        let bit = match () {
            () if file.uid() == self.uid => 0o200,
            () if self.status.gid.get(1) == Some(&file.gid()) => 0o020,
            () => 0o002,
        };
        file.mode() & bit != 0 || (overrides && known(file.uid()) && known(file.gid()))
    }
}

/// The dangerous files of its root that it can write; how many.
fn paths(process: &Process, who: &Who<'_>) -> usize {
    let agents = below(process, "/sys/fs/cgroup").into_iter().map(|dir| dir.join("release_agent"));
    let all = DANGEROUS.iter().map(PathBuf::from).chain(agents);
    let found: Vec<_> = all.filter(|path| is_writable(process, path, who)).collect();
    for path in &found {
        evidence("it can write", path.display());
    }
    found.len()
}

/// The directories in a directory of its root, by their path in there.
fn below(process: &Process, dir: &str) -> Vec<PathBuf> {
    list(process, dir).iter().map(|entry| Path::new(dir).join(entry.file_name())).collect()
}

fn list(process: &Process, dir: &str) -> Vec<DirEntry> {
    let Some(dir) = open_inside(process, Path::new(dir)) else { return Vec::new() };
    let entries = fs::read_dir(format!("/proc/self/fd/{}", dir.as_raw_fd()));
    entries.into_iter().flatten().flatten().collect()
}

/// A file of its root directory, found as the process would find it: a link in it does not lead to a file of ours.
fn open_inside(process: &Process, path: &Path) -> Option<OwnedFd> {
    let root = File::open(process.path("root")).ok()?;
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT);
    openat2(&root, path, how).ok()
}

/// Not a mask: `/dev/null` over a file is a device.
fn is_writable(process: &Process, path: &Path, who: &Who<'_>) -> bool {
    let Some(fd) = open_inside(process, path) else { return false };
    let Ok(system) = fstatvfs(&fd) else { return false };
    let Ok(file) = File::from(fd).metadata() else { return false };
    let is_socket = path.extension().is_some_and(|extension| extension == "sock");
    let kind = file.file_type();
    let right = if is_socket { kind.is_socket() } else { kind.is_file() };
    // A socket is spoken to, whatever its mount says.
    let read_only = !is_socket && system.flags().contains(FsFlags::ST_RDONLY);
    right && !read_only && who.may_write(&file)
}

/// The nodes in its /dev behind which is hardware or memory; how many.
fn devices(process: &Process) -> usize {
    let hardware = |entry: &&DirEntry| {
        let kind = entry.file_type();
        kind.is_ok_and(|kind| kind.is_block_device())
            || NODES.iter().any(|n| entry.file_name() == *n)
    };
    let entries = list(process, "/dev");
    let names = entries.iter().filter(hardware).map(|entry| entry.file_name());
    let mut found: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    found.sort();
    let shown =
        if found.is_empty() { "none that reaches the machine".into() } else { found.join(" ") };
    evidence("nodes in its /dev", name(shown));
    found.len()
}

/// In one line.
fn verdict(status: &Status, over_host: bool, reach: usize) -> &'static str {
    let admin = status.capabilities.effective >> CAP_SYS_ADMIN & 1 == 1;
    match (over_host && admin, status.seccomp, reach) {
        (true, 0, _) => "root of the host: whatever it wants",
        (true, ..) => "root of the host, as far as its filter lets it",
        (false, _, 1..) => {
            "no root of the host, but there are files or devices by which it could become it"
        }
        (false, 0, 0) => {
            "no privilege over the host; every system call of the kernel is within its reach"
        }
        (false, ..) => "no privilege over the host, and not every system call",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_capability_has_a_meaning() {
        assert_eq!(capability::name(MEANING.len() as u32 - 1), "CAP_CHECKPOINT_RESTORE");
        assert!(MEANING.iter().all(|meaning| !meaning.is_empty()));
    }

    #[test]
    fn root_of_a_user_namespace_is_not_root_of_the_host() {
        let mut status = Status::default();
        status.capabilities.effective = u64::MAX;
        assert!(verdict(&status, false, 0).starts_with("no privilege"));
        assert!(verdict(&status, true, 0).starts_with("root of the host"));
        assert!(verdict(&status, false, 2).contains("could become"));
    }
}
