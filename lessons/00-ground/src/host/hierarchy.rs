//! A cgroup v1 hierarchy of this run's own, without a controller. It belongs to the whole machine: every process is in its
//! root, and `/proc/PID/cgroup` says so, until the kernel takes it apart.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount, umount};

use super::groups::{self, run_of};
use super::state_dir;
use crate::call::{doing, quietly};
use crate::error::Result;
use crate::lesson::{run_dir, run_name};
use crate::proc::Process;
use crate::text::path;

/// The kernel gives up a group that was removed in its own time, and the hierarchy not before.
const TRIES: u32 = 20;

/// Mounted in the run's directory; taken apart when dropped.
#[derive(Debug)]
pub struct Hierarchy {
    at: PathBuf,
}

impl Hierarchy {
    /// Makes it, with one group in it.
    pub fn make(group: &str) -> Result<Hierarchy> {
        let at = run_dir()?.join("hierarchy");
        let shown = path(at.display());
        quietly(format_args!("make directory {shown}")).run(|| fs::create_dir_all(&at))?;
        doing(format_args!("mount cgroup on {shown} none,name=…"))
            .like_args(format_args!("mount -t cgroup -o none,name=NAME cgroup {shown}"))
            .hint(Errno::ENODEV, "this kernel has no cgroup v1")
            .run(|| attach(&at, run_name()))?;
        let hierarchy = Hierarchy { at };
        quietly("make a group").run(|| fs::create_dir(hierarchy.at.join(group)))?;
        Ok(hierarchy)
    }

    /// Its root.
    pub fn path(&self) -> &Path {
        &self.at
    }
}

impl Drop for Hierarchy {
    fn drop(&mut self) {
        // What is left is found by `clean`.
        let _ = take_apart(&self.at, run_name());
        let _ = fs::remove_dir(&self.at);
    }
}

fn attach(at: &Path, name: &str) -> nix::Result<()> {
    let options = format!("none,name={name}");
    mount(Some("cgroup"), at, Some("cgroup"), MsFlags::empty(), Some(options.as_str()))
}

/// Removes the groups and unmounts it, as often as it takes: with a group that is not quite gone it stays, unmounted.
fn take_apart(at: &Path, name: &str) -> nix::Result<()> {
    for _ in 0..TRIES {
        for group in fs::read_dir(at).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if group.is_dir() {
                groups::remove(&group)?;
            }
        }
        umount(at)?;
        if is_gone(name) {
            return Ok(());
        }
        attach(at, name)?;
    }
    umount(at)
}

/// Waits a moment: the kernel is not done with it when umount(2) returns, and to mount it now would make it once more.
fn is_gone(name: &str) -> bool {
    (0..20).any(|_| {
        let gone = !named().iter().any(|other| other == name);
        if !gone {
            sleep(Duration::from_millis(5));
        }
        gone
    })
}

/// The named hierarchies that there are.
fn named() -> Vec<String> {
    let groups = Process::this().cgroups().unwrap_or_default();
    let names = groups.iter().flat_map(|group| &group.controllers);
    names.filter_map(|name| name.strip_prefix("name=")).map(str::to_string).collect()
}

/// Takes those apart that dead runs have left. One line for each.
pub(super) fn sweep(of_run: impl Fn(i32) -> bool, removed: &mut Vec<String>) -> Result<()> {
    for name in named().iter().filter(|name| run_of(name.as_ref()).is_some_and(&of_run)) {
        let at = state_dir()?.join("hierarchy");
        quietly(format_args!("make directory {}", at.display())).run(|| fs::create_dir_all(&at))?;
        quietly(format_args!("take the hierarchy {name} apart"))
            .run(|| attach(&at, name).and_then(|()| take_apart(&at, name)))?;
        quietly(format_args!("remove {}", at.display())).run(|| fs::remove_dir(&at))?;
        removed.push(format!("hierarchy {name}"));
    }
    Ok(())
}
