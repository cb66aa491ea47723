//! Lesson 03: a root of its own.
//!
//! Every process has a root directory: where its `/` is. Two calls move it. [`Jail`] is the old one, chroot(2): it
//! changes where *one process* begins to look names up, and leaves everything else reachable. [`Rootfs`] is what
//! containers use, pivot_root(2): it changes what *the mount namespace* hangs from, and then the old root can be
//! unmounted. Nothing that was outside has a name any more.
//!
//! ```text
//!              the box's mount namespace
//!
//!   copied      bound and furnished       pivoted            detached
//!
//!   / host      / host                    / ROOT  ◀ you      / ROOT  ◀ you
//!   ├ /proc     ├ /proc                   ├ /proc            ├ /proc
//!   └ ROOT      └ ROOT  ◀ you (chroot)    └ / host           └ /dev
//!                 ├ /proc                     └ /proc
//!                 └ /dev
//!   clone       enter                     seal               seal
//! ```
//!
//! While the other parts furnish the box, the old root must stay: in a user namespace the kernel lets nobody mount a
//! `/proc` who does not have a complete one already (mount_namespaces(7)), so who detaches early gets EPERM. But it must
//! not be reachable by *name* either. With the old root stacked on the new one, as `pivot_root(".", ".")` leaves it, `/..`
//! is the host, and an image whose `/dev` is a link to `../dev` has us write there. So `enter` uses chroot for what it is
//! good for, names, as long as only our own code runs; and `seal`, last, pivots and detaches.
//!
//! Neither call closes a descriptor. What is open leads where it led, so `seal` closes the one that it came back by.

pub mod flags;

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use clone_pid::Part;
use ground::Result;
use ground::call::{doing, quietly};
use ground::text::path;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::CloneFlags;
use nix::sys::stat::Mode;
use nix::unistd::{chdir, chroot, fchdir, pivot_root};

const NONE: Option<&str> = None;

// ANCHOR: jail
/// The old way: the first process's root directory is changed, see chroot(2). It is kept to be broken out of.
///
/// A process that joins the box later is not in the jail: its root is that of the mount namespace.
pub struct Jail(pub PathBuf);

impl Part for Jail {
    fn prepare(&mut self) -> Result<()> {
        self.0 = directory(&self.0)?;
        Ok(())
    }

    fn enter(&mut self) -> Result<()> {
        go_to(&self.0)?;
        chroot_here()
    }
}
// ANCHOR_END: jail

// ANCHOR: rootfs
/// A directory of the host becomes `/` of the mount namespace, and the host's tree is gone. See pivot_root(2).
pub struct Rootfs {
    root: PathBuf,
    /// The host's root, from `enter` to `seal`.
    old: Option<OwnedFd>,
}

impl Rootfs {
    /// `root` holds what the box is to see: one program is enough.
    pub fn new(root: impl Into<PathBuf>) -> Rootfs {
        Rootfs { root: root.into(), old: None }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.root
    }
}

impl Part for Rootfs {
    fn namespaces(&self) -> CloneFlags {
        CloneFlags::CLONE_NEWNS
    }

    fn prepare(&mut self) -> Result<()> {
        self.root = directory(&self.root)?;
        Ok(())
    }

    fn enter(&mut self) -> Result<()> {
        bind_onto_itself(&self.root)?;
        self.old = Some(open_root()?);
        go_to(&self.root)?;
        chroot_here()
    }

    fn seal(&mut self) -> Result<()> {
        // A process that joined came in by setns, which has put it at the root of the namespace: there is no old one.
        let Some(old) = self.old.take() else { return Ok(()) };
        leave_jail(old)?;
        go_to(&self.root)?;
        pivot_here()?;
        detach_old_root()?;
        doing("chdir /").like("cd /").run(|| chdir("/"))
    }
}
// ANCHOR_END: rootfs

// ANCHOR: pivot
/// pivot_root(2) needs a new root that is a mount point, so bind the directory onto itself: with the mounts below it,
/// which a user namespace may not uncover.
fn bind_onto_itself(root: &Path) -> Result<()> {
    let shown = path(root.display());
    doing(format_args!("mount {shown} on {shown} MS_BIND|MS_REC"))
        .like_args(format_args!("mount --rbind {shown} {shown}"))
        .run(|| mount(Some(root), root, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE))
}

/// The new root is here, and so is the place for the old one: it comes to lie on top, and needs no directory of the
/// image. Neither parent may be shared: what happens here would happen on the host.
fn pivot_here() -> Result<()> {
    doing("pivot_root . .")
        .like("pivot_root . .")
        .hint(Errno::EINVAL, "a parent mount is shared (MountNamespace::private() comes first), or this host runs from its initramfs, which cannot be pivoted")
        .hint(Errno::EBUSY, "the new root is the old one; name another directory")
        .run(|| pivot_root(".", "."))
}

/// `.` is the new root, and the mount on top of it is the old one. It is in use, so it is detached: it loses its place in
/// the tree now, and ends with its last user.
fn detach_old_root() -> Result<()> {
    doing("umount . MNT_DETACH").like("umount -l .").run(|| umount2(".", MntFlags::MNT_DETACH))
}

/// pivot_root(2) exchanges the mount of the caller's root, so that must be the host's once more: by an open descriptor,
/// the lesson's second way out. It closes here; close-on-exec would be too late for an init, which forks without execve.
fn leave_jail(old: OwnedFd) -> Result<()> {
    doing("fchdir to the host's root, open since before the chroot")
        .like("cd /proc/self/fd/9")
        .run(|| fchdir(&old))?;
    chroot_here()
}
// ANCHOR_END: pivot

/// `O_PATH`: good for fchdir, not for reading what is in it.
fn open_root() -> Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    doing("open / O_PATH").like("exec 9< /").run(|| open("/", flags, Mode::empty()))
}

/// Makes the root directory of this process the directory where it is. It must be *there*: chroot moves no working
/// directory, and one that is left outside stays outside.
fn chroot_here() -> Result<()> {
    doing("chroot .")
        .like("chroot . COMMAND")
        .hint(Errno::EPERM, "this needs CAP_SYS_CHROOT; run with sudo, or --rootless")
        .run(|| chroot("."))
}

fn go_to(dir: &Path) -> Result<()> {
    let shown = path(dir.display());
    doing(format_args!("chdir {shown}")).like_args(format_args!("cd {shown}")).run(|| chdir(dir))
}

/// The absolute path of a directory that can become a root. The dot at the end makes the kernel search it, so what is no
/// directory, or closed to us, is found out before anything is made.
fn directory(root: &Path) -> Result<PathBuf> {
    quietly(format_args!("open root {}", path(root.display())))
        .hint(Errno::ENOTDIR, "a root must be a directory: unpack the image first")
        .run(|| root.join(".").metadata().and_then(|_| root.canonicalize()))
}

// ANCHOR: workdir
/// Where the command begins, inside the box. List it after what makes `/`.
pub struct Workdir(pub PathBuf);

impl Part for Workdir {
    fn seal(&mut self) -> Result<()> {
        let dir = self.0.display();
        // A link of /proc leads to what this process has open, also outside the box: `-w /proc/self/fd/7` was runc's
        // CVE-2024-21626. No other path can: names begin at the root.
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_NO_MAGICLINKS);
        let there = quietly(format_args!("chdir {dir}"))
            .hint(Errno::ENOENT, "there is no such directory in the box")
            .hint(
                Errno::ELOOP,
                "a link of /proc cannot be a working directory: it may lead out of the box",
            )
            .run(|| openat2(AT_FDCWD, &self.0, how))?;
        doing(format_args!("chdir {dir}"))
            .like_args(format_args!("cd {dir}"))
            .run(|| fchdir(&there))
    }
}
// ANCHOR_END: workdir

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(root: &str) -> Option<Errno> {
        directory(Path::new(root)).unwrap_err().errno()
    }

    #[test]
    fn a_root_must_be_a_directory_that_is_there() {
        assert_eq!(refusal("/proc/self/status"), Some(Errno::ENOTDIR));
        assert_eq!(refusal("/nowhere/at/all"), Some(Errno::ENOENT));
    }

    #[test]
    fn a_relative_root_becomes_absolute_while_the_caller_is_still_there() {
        let here = std::env::current_dir().unwrap().canonicalize().unwrap();
        assert_eq!(directory(Path::new(".")).unwrap(), here);
    }

    #[test]
    fn who_joins_has_no_old_root_to_leave() {
        assert!(Rootfs::new("/nowhere").seal().is_ok());
    }
}
