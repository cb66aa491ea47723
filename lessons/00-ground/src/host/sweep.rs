//! The sweeper: finds what a `SIGKILL` left behind.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{PREFIX, disk, groups, hierarchy, is_locked, network, owner, state_dir};
use crate::call::quietly;
use crate::error::{Error, Result};
use crate::proc::{self, Process};
use crate::rootfs;

/// What a sweep did.
#[derive(Debug, Default)]
pub struct Swept {
    /// One line per object removed.
    pub removed: Vec<String>,
    /// One line per run that is alive and was left alone.
    pub alive: Vec<String>,
    /// One line per object that could not be removed, with the reason.
    pub failed: Vec<String>,
}

/// Removes everything of this user whose owner is dead, and the cached root file systems. Idempotent.
pub fn sweep() -> Result<Swept> {
    let state = state_dir()?;
    let mut swept = Swept::default();
    for entry in
        quietly(format_args!("list {}", state.display())).run(|| fs::read_dir(&state))?.flatten()
    {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("rootfs") || name.starts_with(network::FILE) {
            continue;
        }
        if name.starts_with("run-") && is_alive(&path) {
            swept.alive.push(format!("{} (a lesson is running)", path.display()));
            continue;
        }
        let outcome = bury(&name, &path, &mut swept.removed);
        match outcome {
            Ok(()) => swept.removed.push(path.display().to_string()),
            Err(e) => swept.failed.push(e.to_string()),
        }
    }
    // A run whose directory is gone, or in another state directory, is known by its process alone.
    if let Err(e) = remove_groups(|run| !exists(Pid::from_raw(run)), &mut swept.removed) {
        swept.failed.push(e.to_string());
    }
    if let Err(e) = network::sweep(&mut swept.removed) {
        swept.failed.push(e.to_string());
    }
    if let Err(e) = hierarchy::sweep(|run| !exists(Pid::from_raw(run)), &mut swept.removed) {
        swept.failed.push(e.to_string());
    }
    match rootfs::sweep()? {
        rootfs::Swept::Nothing => {}
        rootfs::Swept::Removed(store) => swept.removed.push(store.display().to_string()),
        rootfs::Swept::InUse(store) => swept.alive.push(format!("{} (in use)", store.display())),
    }
    // Stays when somebody is alive in it.
    let _ = fs::remove_dir(&state);
    Ok(swept)
}

/// Removes what one run has left, `run-PID`, if its owner is dead.
pub fn dead_run(name: &str) -> Result<()> {
    let path = state_dir()?.join(name);
    match is_alive(&path) {
        true => Ok(()),
        false => bury(name, &path, &mut Vec::new()),
    }
}

fn bury(name: &str, path: &Path, removed: &mut Vec<String>) -> Result<()> {
    kill_boxes(name, removed)?;
    remove_groups(|run| name == format!("run-{run}"), removed)?;
    remove_run(path)
}

/// Whether a run's owner lives: it holds the lock, or is about to take it (`run-PID.new`). Its number proves nothing: it
/// may live in another PID namespace.
pub(super) fn is_alive(run: &Path) -> bool {
    let nascent = run.extension().is_some_and(|extension| extension == "new");
    let pid = run.file_stem().and_then(|stem| stem.to_str()?.strip_prefix("run-")?.parse().ok());
    let visible = pid.is_some_and(|pid| exists(Pid::from_raw(pid)));
    let held = || is_locked(run);
    // A child of a killed owner holds the lock, too, until it has died of the same.
    let stays_held = || {
        (0..50).all(|_| {
            sleep(Duration::from_millis(10));
            held()
        })
    };
    if nascent { visible } else { held() && (visible || stays_held()) }
}

/// Whether there is such a process, and not only its zombie.
fn exists(pid: Pid) -> bool {
    Process::of(pid).status().is_ok_and(|status| status.state != 'Z')
}

/// Removes the cgroups of runs that `of_run` accepts.
fn remove_groups(of_run: impl Fn(i32) -> bool, removed: &mut Vec<String>) -> Result<()> {
    let found = groups::of_runs(of_run)?;
    groups::remove_all(&found)
        .map_err(|(dir, errno)| Error::os(format_args!("rmdir {}", dir.display()), errno))?;
    removed.extend(found.iter().map(|dir| dir.display().to_string()));
    Ok(())
}

/// Ends the processes of a dead run's boxes, found by `container=…` in their environment.
fn kill_boxes(run: &str, removed: &mut Vec<String>) -> Result<()> {
    let tag = format!("container={PREFIX}-{}-{run}", owner());
    for pid in boxed(|value| value == tag.as_bytes())? {
        // ESRCH: it went with its PID 1, which came first.
        if kill(pid, Signal::SIGKILL).is_ok() {
            removed.push(format!("process {pid} of {run}"));
        }
    }
    Ok(())
}

/// The processes that carry an environment entry which `is_ours` accepts.
pub(super) fn boxed(is_ours: impl Fn(&[u8]) -> bool) -> Result<Vec<Pid>> {
    let carries = |pid: &Pid| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(&is_ours)
    };
    Ok(proc::all()?.into_iter().filter(carries).collect())
}

/// Removes what a dead run with our number has left.
pub(super) fn remove_remains(run: &Path) -> Result<()> {
    match run.exists() {
        true => remove_groups(|number| run.ends_with(format!("run-{number}")), &mut Vec::new())
            .and_then(|()| remove_run(run)),
        false => Ok(()),
    }
}

/// Removes a directory, all that is mounted below it, and swap on a file in it. A missing one is fine.
pub fn remove_run(dir: &Path) -> Result<()> {
    if !dir.exists() {
        return Ok(());
    }
    disk::off_below(dir)?;
    unmount_below(dir)?;
    let remove = || match fs::remove_dir_all(dir) {
        // Somebody else swept at the same time.
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    };
    quietly(format_args!("remove {}", dir.display())).run(|| match remove() {
        Err(e) if e.kind() == ErrorKind::PermissionDenied => open_up(dir).and_then(|()| remove()),
        other => other,
    })
}

/// The root of a user namespace leaves directories that their owner may not list: overlayfs makes one with mode 0.
fn open_up(dir: &Path) -> std::io::Result<()> {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

/// Detaches every mount at or below `dir`, the latest first.
pub fn unmount_below(dir: &Path) -> Result<()> {
    let mounts = Process::this().mounts()?;
    let below = mounts.iter().rev().filter(|mount| mount.point.starts_with(dir));
    for point in below.map(|mount| mount.point.as_path()) {
        // The kernel appends this to the name of a mount point that was unlinked.
        let shown = point.as_os_str().as_bytes();
        if shown.ends_with(b"//deleted") {
            continue;
        }
        quietly(format_args!("umount {}", point.display())).run(|| {
            match umount2(point, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW) {
                // Gone with its parent.
                Err(Errno::EINVAL | Errno::ENOENT) => Ok(()),
                other => other,
            }
        })?;
    }
    Ok(())
}
