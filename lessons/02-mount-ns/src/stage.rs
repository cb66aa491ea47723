//! What demo and experiments put on the stage: a shared mount on the host, a mount made in a box, a look at the tables.

use std::fs;
use std::path::{Path, PathBuf};

use clone_pid::Part;
use clone_pid::beyond::Report;
use ground::Result;
use ground::call::{doing, quietly};
use ground::lesson::{run_dir, run_name};
use ground::proc::mountinfo::{Mount, topmost};
use ground::proc::ns::Namespace;
use ground::proc::{Identity, Process};
use ground::story::{box_evidence, evidence};
use ground::text::{count, inode, name, path, pid};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// A new directory of this run's own on the host.
pub fn directory(name: &str) -> Result<PathBuf> {
    let dir = run_dir()?.join(name);
    quietly(format_args!("make directory {}", path(dir.display())))
        .run(|| fs::create_dir_all(&dir))?;
    Ok(dir)
}

/// Mounts an empty tmpfs.
pub fn mount_tmpfs(at: &Path) -> Result<()> {
    let (source, shown) = (run_name(), path(at.display()));
    doing(format_args!("mount tmpfs on {shown}"))
        .like_args(format_args!("mount -t tmpfs {} {shown}", name(source)))
        .run(|| mount(Some(source), at, Some("tmpfs"), MsFlags::empty(), None::<&str>))
}

/// A tmpfs on a directory of this run; unmounted, with all that was mounted below it, when dropped.
pub struct Tmpfs(PathBuf);

impl Tmpfs {
    /// Mounts it.
    pub fn on(directory: PathBuf) -> Result<Tmpfs> {
        mount_tmpfs(&directory)?;
        Ok(Tmpfs(directory))
    }

    /// Makes it the first member of a peer group: the lesson's own stand-in for a host where systemd shares `/`.
    pub fn share(self) -> Result<Tmpfs> {
        let (none, shown) = (None::<&str>, path(self.0.display()));
        doing(format_args!("mount {shown} MS_SHARED"))
            .like_args(format_args!("mount --make-shared {shown}"))
            .run(|| mount(none, &self.0, none, MsFlags::MS_SHARED, none))?;
        Ok(self)
    }

    /// A directory in it.
    pub fn directory(&self, name: &str) -> Result<PathBuf> {
        let dir = self.0.join(name);
        quietly(format_args!("make directory {}", path(dir.display())))
            .run(|| fs::create_dir_all(&dir))?;
        Ok(dir)
    }

    /// Where it stands.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // What cannot be unmounted now goes with the run's directory, or is found by `clean`.
        let _ = umount2(&self.0, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW);
    }
}

/// A part that mounts an empty tmpfs as soon as the box exists.
pub struct MountsTmpfs(pub PathBuf);

impl Part for MountsTmpfs {
    fn enter(&mut self) -> Result<()> {
        mount_tmpfs(&self.0)
    }
}

/// Unmounts what a box has left on the host.
pub fn unmount(at: &Path) -> Result<()> {
    let shown = path(at.display());
    doing(format_args!("umount {shown}"))
        .like_args(format_args!("umount {shown}"))
        .run(|| umount2(at, MntFlags::UMOUNT_NOFOLLOW))
}

/// Tells whether a process has a mount at `point`, and how mounts below it propagate.
pub fn look(process: &Process, point: &Path) -> Result<bool> {
    let mounts = process.mounts()?;
    let mount = topmost(&mounts, point);
    let found = located(process, point);
    match mount {
        Some(mount) => evidence(found, format!("{}, {}", mount.kind, propagation(mount))),
        None => evidence(found, "no mount there"),
    }
    Ok(mount.is_some())
}

/// Tells with which of the flags that matter here the box made the topmost mount at `point`.
pub fn flags(process: &Process, point: &Path) -> Result<()> {
    tell_options(process, point, &["ro", "rw", "nosuid", "nodev", "noexec"])
}

/// Tells whether a mount that comes from the host can be written. Its other flags are the host's choice.
pub fn access(process: &Process, point: &Path) -> Result<()> {
    tell_options(process, point, &["ro", "rw"])
}

fn tell_options(process: &Process, point: &Path, telling: &[&str]) -> Result<()> {
    let mounts = process.mounts()?;
    let Some(mount) = topmost(&mounts, point) else { return Ok(()) };
    let options = mount.options.iter().map(String::as_str);
    let told: Vec<_> = options.filter(|option| telling.contains(option)).collect();
    evidence(located(process, point), told.join(","));
    Ok(())
}

/// The place of one mount in a table; a path that this run has made varies.
fn located(process: &Process, point: &Path) -> String {
    let ours = run_dir().is_ok_and(|dir| point.starts_with(dir));
    match ours {
        true => format!("{}, {}", process.file("mountinfo"), path(point.display())),
        false => format!("{}, {}", process.file("mountinfo"), point.display()),
    }
}

/// A mount's propagation: the word, and the tag from which it is read.
fn propagation(mount: &Mount) -> String {
    let tag = |tag: &String| match tag.split_once(':') {
        Some((word, group)) => format!(" {word}:{}", inode(group)),
        None => format!(" {tag}"),
    };
    let tags: String = mount.propagation.iter().map(tag).collect();
    match tags.is_empty() {
        true => mount.propagation_word().to_string(),
        false => format!("{} ({})", mount.propagation_word(), tags.trim_start()),
    }
}

/// Tells and returns the identity of a process's mount namespace.
pub fn mount_namespace(process: &Process) -> Result<Identity> {
    let namespace = process.namespace(Namespace::Mount)?;
    evidence(process.file("ns/mnt"), format!("mnt:[{}]", inode(namespace.ino)));
    Ok(namespace)
}

/// Tells and returns the number of lines of a process's mount table.
pub fn table_size(process: &Process) -> Result<usize> {
    let lines = process.mounts()?.len();
    evidence(process.file("mountinfo"), format!("{} mounts", count(lines)));
    Ok(lines)
}

/// What `ps` is made of, as a process in the box finds it in `/proc`; told and returned: the number of processes, and
/// what `/proc/self` says.
pub fn look_at_proc(report: &Report) -> Result<(usize, &str)> {
    let (processes, own) = (report.get("proc-entries")?, report.get("proc-self")?);
    box_evidence("processes in /proc", count(processes));
    box_evidence("readlink /proc/self", pid(own));
    Ok((processes.parse().unwrap_or(0), own))
}
