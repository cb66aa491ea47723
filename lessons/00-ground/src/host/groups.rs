//! Cgroups that a run has left: found by name in every hierarchy, emptied, removed.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{PREFIX, owner};
use crate::call::IntoErrno;
use crate::error::Result;
use crate::proc::Process;

/// How long the kernel may take to take dead processes out of a group.
const PATIENCE: Duration = Duration::from_secs(5);

/// The groups of this user's runs, whose number `of_run` accepts. Groups in such a group go with it and are left out.
pub(super) fn of_runs(of_run: impl Fn(i32) -> bool) -> Result<Vec<PathBuf>> {
    let mounts = Process::this().mounts()?;
    let mut found = Vec::new();
    for mount in mounts.iter().filter(|m| m.kind == "cgroup" || m.kind == "cgroup2") {
        search(&mount.point, &|name| run_of(name).is_some_and(&of_run), &mut found);
    }
    Ok(found)
}

fn search(dir: &Path, wanted: &impl Fn(&OsStr) -> bool, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            true if wanted(&entry.file_name()) => found.push(entry.path()),
            true => search(&entry.path(), wanted, found),
            false => {}
        }
    }
}

/// The number in `bxw-UID-run-NUMBER` or `bxw-UID-run-NUMBER-WORD`.
pub(super) fn run_of(name: &OsStr) -> Option<i32> {
    let tag = format!("{PREFIX}-{}-run-", owner());
    let rest = name.to_str()?.strip_prefix(&tag)?;
    rest.split('-').next()?.parse().ok()
}

/// Removes groups, whoever is in them. First all are thawed: in v1 the freezer is a hierarchy of its own, and a frozen
/// process takes no signal.
pub(super) fn remove_all(groups: &[PathBuf]) -> Result<(), (PathBuf, Errno)> {
    groups.iter().for_each(|dir| thaw(dir));
    groups.iter().try_for_each(|dir| remove(dir).map(drop).map_err(|errno| (dir.clone(), errno)))
}

/// Removes a group, whoever is in it; `false` when there was none. The kernel says EBUSY as long as a process of it, a
/// dead one that is just being taken down included, or a group is in it.
pub fn remove(group: &Path) -> nix::Result<bool> {
    let start = Instant::now();
    loop {
        match fs::remove_dir(group).map_err(IntoErrno::into_errno) {
            Ok(()) => return Ok(true),
            Err(Errno::ENOENT) => return Ok(false),
            Err(Errno::EBUSY) if start.elapsed() < PATIENCE => {}
            Err(errno) => return Err(errno),
        }
        empty(group)?;
        sleep(Duration::from_millis(1));
    }
}

/// Kills who is in it and removes what is below. A kernel thread, or a process that we may not see, stays.
fn empty(group: &Path) -> nix::Result<()> {
    thaw(group);
    let members = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    for pid in members.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 0) {
        // ESRCH: it went by itself.
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    let below = fs::read_dir(group).into_iter().flatten().flatten();
    let below = below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    below.into_iter().try_for_each(|entry| remove(&entry.path()).map(drop))
}

/// Only one of the two files is there, in a group that can be frozen.
fn thaw(group: &Path) {
    for (file, word) in [("freezer.state", "THAWED"), ("cgroup.freeze", "0")] {
        let file = group.join(file);
        if file.exists() {
            let _ = fs::write(file, word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_tells_its_run() {
        let tag = format!("{PREFIX}-{}-run-", owner());
        assert_eq!(run_of(OsStr::new(&format!("{tag}12"))), Some(12));
        assert_eq!(run_of(OsStr::new(&format!("{tag}12-db"))), Some(12));
        assert_eq!(run_of(OsStr::new(&format!("{tag}x"))), None);
        assert_eq!(run_of(OsStr::new("docker")), None);
    }
}
