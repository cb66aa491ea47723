//! Lesson 02: mount namespaces.
//!
//! What a process sees as "the file system" is a table of mounts, and the table belongs to its mount namespace. A new
//! namespace begins as a copy: nothing looks different until somebody mounts. Who then learns of the new mount is decided
//! mount by mount, by *propagation*:
//!
//! | a mount of the table is | mounts made below it |
//! | --- | --- |
//! | shared | appear at all its peers, in every namespace: systemd's default for `/` |
//! | slave | appear from the master, never go back |
//! | private | stay where they were made |
//!
//! So a container makes its copy private first, and then hangs its own things into it: a `/proc` that shows its own
//! processes, a `/dev` with harmless devices, a `/sys` that cannot be written, and the directories that the host lends it.
//!
//! | to see … | look at |
//! | --- | --- |
//! | the copy, and the end of propagation | [`MountNamespace`] |
//! | why `ps` lied, and what makes it honest | [`Proc`] |
//! | `-v SRC:DST:ro`, read-only all the way down | [`Volume`], [`sys::Detached`] |
//! | what a box needs beside, and how it comes there without the right to make it | [`Dev`], [`Sys`] |
//!
//! Everything here mounts at plain `/proc`, `/dev`, `/sys`. As long as the box has the host's root directory that hides the
//! host's, inside this namespace only; from lesson 03 on the root is the box's own.

pub mod beyond;
pub mod flags;
mod furniture;
mod mounting;
pub mod sys;

use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

pub use beyond::spec::VolumeSpec;
pub use furniture::{Dev, Sys};
pub use mounting::mount_new;

use beyond::destination::{self, HostRoot};
use clone_pid::Part;
use ground::Result;
use ground::call::doing;
use ground::text::path;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::CloneFlags;
use sys::Detached;

/// No set-user-ID programs, no device nodes, no programs at all: nothing that these file systems are for.
const HARMLESS: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV).union(MsFlags::MS_NOEXEC);

// ANCHOR: mount-namespace
/// A mount table of its own, at first a copy of the parent's. See mount_namespaces(7).
pub struct MountNamespace {
    private: bool,
}

impl MountNamespace {
    /// Mounts propagate neither out nor in.
    pub fn private() -> MountNamespace {
        MountNamespace { private: true }
    }

    /// Propagation stays as it was cloned: a mount below a shared one appears on the host as well.
    pub fn unchanged() -> MountNamespace {
        MountNamespace { private: false }
    }
}

impl Part for MountNamespace {
    fn namespaces(&self) -> CloneFlags {
        CloneFlags::CLONE_NEWNS
    }

    /// A copied mount stays in the peer group of the original. MS_SLAVE would also stop what goes out, and would let the
    /// host's later mounts in; private, because a box should not change after it was made.
    fn enter(&mut self) -> Result<()> {
        if !self.private {
            return Ok(());
        }
        let (none, flags) = (None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE);
        doing("mount / MS_REC|MS_PRIVATE")
            .like("mount --make-rprivate /")
            .hint(Errno::EINVAL, "/ is no mount point, as in a chroot; start from the real root")
            .run(|| mount(none, "/", none, flags, none))
    }
}
// ANCHOR_END: mount-namespace

// ANCHOR: proc
/// A `/proc` of its own. A proc mount shows the PID namespace of the process that mounted it, whoever reads it: without
/// [`clone_pid::PidNamespace`] this one would show the host's processes again. See proc(5).
pub struct Proc;

impl Part for Proc {
    fn enter(&mut self) -> Result<()> {
        mount_new("proc", "/proc", HARMLESS, "")
    }
}
// ANCHOR_END: proc

// ANCHOR: volume
/// A directory or file that the host lends to the box: `-v SRC:DST[:ro]`.
pub struct Volume {
    spec: VolumeSpec,
    copy: Option<Detached>,
    host_root: HostRoot,
    user_namespace: Option<Rc<OwnedFd>>,
}

impl Volume {
    /// What `spec` says; nothing is looked at yet.
    pub fn new(spec: VolumeSpec) -> Volume {
        Volume { spec, copy: None, host_root: HostRoot::default(), user_namespace: None }
    }

    /// The user namespace whose users its files are to belong to, when the option `idmap` is there. Lesson 08 has one.
    pub fn mapped_by(self, user_namespace: Rc<OwnedFd>) -> Volume {
        Volume { user_namespace: Some(user_namespace), ..self }
    }
}

impl Part for Volume {
    /// Here, on the host: after the root has changed SRC would mean another file, or none.
    fn prepare(&mut self) -> Result<()> {
        let source = path(self.spec.source.display());
        let copy = doing(format_args!("open_tree {source} OPEN_TREE_CLONE|AT_RECURSIVE"))
            .like_args(format_args!("mount --rbind {source} …"))
            .hint(Errno::ENOENT, "the source of a volume must exist on the host")
            .run(|| Detached::copy(&self.spec.source))?;
        // The copy is a peer of the original: what the box mounts in it would appear on the host.
        doing("mount_setattr MS_PRIVATE AT_RECURSIVE")
            .like("mount --make-rprivate …")
            .run(|| copy.make_private())?;
        if self.spec.read_only {
            // `mount -o remount,bind,ro` changes one mount; those below it stay writable. This call takes the whole tree.
            doing("mount_setattr MOUNT_ATTR_RDONLY AT_RECURSIVE")
                .like("mount -o remount,bind,ro=recursive …")
                .run(|| copy.make_read_only())?;
        }
        if self.spec.mapped {
            beyond::mapped::map_ids(&copy, self.user_namespace.as_deref())?;
        }
        self.copy = Some(copy);
        self.host_root = HostRoot::here()?;
        Ok(())
    }

    fn enter(&mut self) -> Result<()> {
        let VolumeSpec { source, destination, read_only, .. } = &self.spec;
        let Some(copy) = &self.copy else { return Ok(()) };
        let target = destination::open(destination, copy, &self.host_root)?;
        let ro = if *read_only { "-o ro=recursive " } else { "" };
        let (source, shown) = (path(source.display()), path(destination.display()));
        doing(format_args!("move_mount to {shown}"))
            .like_args(format_args!("mount --rbind {ro}{source} {shown}"))
            .run(|| copy.attach(target.as_fd(), ""))
    }
}
// ANCHOR_END: volume
