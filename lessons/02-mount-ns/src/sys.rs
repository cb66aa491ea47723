//! The one file of this crate with `unsafe`: the mount calls that take descriptors, which nix does not wrap.
#![allow(unsafe_code)]

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::NixPath;
use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;

/// Attributes that change nothing.
const NOTHING: libc::mount_attr =
    libc::mount_attr { attr_set: 0, attr_clr: 0, propagation: 0, userns_fd: 0 };
const READ_ONLY: libc::mount_attr =
    libc::mount_attr { attr_set: libc::MOUNT_ATTR_RDONLY, ..NOTHING };

/// A copy of a mount and of everything mounted below it, which hangs in no mount namespace yet. It can be changed before
/// anybody sees it, and needs no path of the source any more. Closed without [`Detached::attach`], it is unmounted.
#[derive(Debug)]
pub struct Detached(OwnedFd);

impl Detached {
    /// Copies what is mounted at `source`, as `mount --rbind` does. See open_tree(2), Linux 5.2.
    pub fn copy<P: NixPath + ?Sized>(source: &P) -> nix::Result<Detached> {
        Detached::copy_at(AT_FDCWD, source)
    }

    /// The same of the file or directory that is open: nobody can put another in its place meanwhile.
    pub fn copy_of(source: impl AsFd) -> nix::Result<Detached> {
        Detached::copy_at(source.as_fd(), c"")
    }

    fn copy_at<P: NixPath + ?Sized>(at: BorrowedFd<'_>, path: &P) -> nix::Result<Detached> {
        let deep = (libc::AT_EMPTY_PATH | libc::AT_RECURSIVE) as u32;
        let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | deep;
        let fd = path.with_nix_path(|path| {
            // SAFETY: the kernel reads a C string, which outlives the call.
            unsafe { libc::syscall(libc::SYS_open_tree, at.as_raw_fd(), path.as_ptr(), flags) }
        })?;
        let fd = Errno::result(fd)? as RawFd;
        // SAFETY: the kernel has just opened this descriptor for us.
        Ok(Detached(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Leaves every peer group and master. See mount_setattr(2), Linux 5.12.
    pub fn make_private(&self) -> nix::Result<()> {
        self.set(libc::mount_attr { propagation: libc::MS_PRIVATE, ..NOTHING })
    }

    /// Makes each of its mounts read-only. See mount_setattr(2), Linux 5.12.
    pub fn make_read_only(&self) -> nix::Result<()> {
        self.set(READ_ONLY)
    }

    /// Shows the owners of its files through the maps of a user namespace: what belongs to 0 on the disk belongs through
    /// this mount to whoever is 0 in there, and what he writes belongs to 0 on the disk. The file system must have been
    /// mounted in a user namespace over which the caller has CAP_SYS_ADMIN, and the mount must hang nowhere yet. See
    /// mount_setattr(2), MOUNT_ATTR_IDMAP, Linux 5.12.
    pub fn map_ids(&self, user_namespace: BorrowedFd<'_>) -> nix::Result<()> {
        let userns_fd = user_namespace.as_raw_fd() as u64;
        let attributes =
            libc::mount_attr { attr_set: libc::MOUNT_ATTR_IDMAP, userns_fd, ..NOTHING };
        self.set(attributes)
    }

    fn set(&self, attributes: libc::mount_attr) -> nix::Result<()> {
        set(self.0.as_fd(), c"", libc::AT_RECURSIVE, attributes)
    }

    /// Whether its root is a directory.
    pub fn is_dir(&self) -> std::io::Result<bool> {
        // fstat(2) wants a File here; the copy of the descriptor closes with it.
        Ok(File::from(self.0.try_clone()?).metadata()?.is_dir())
    }

    /// Hangs it on `path` below the directory `at`, or on `at` itself when the path is empty; from then on it is a mount
    /// like any other. See move_mount(2), Linux 5.2.
    pub fn attach<P: NixPath + ?Sized>(&self, at: BorrowedFd<'_>, path: &P) -> nix::Result<()> {
        let flags = libc::MOVE_MOUNT_F_EMPTY_PATH | libc::MOVE_MOUNT_T_EMPTY_PATH;
        let (from, at) = (self.0.as_raw_fd(), at.as_raw_fd());
        let result = path.with_nix_path(|path| {
            // SAFETY: the kernel reads two C strings, an empty one and `path`, which outlive the call.
            unsafe {
                libc::syscall(libc::SYS_move_mount, from, c"".as_ptr(), at, path.as_ptr(), flags)
            }
        })?;
        Errno::result(result).map(drop)
    }
}

/// What fsmount(2) has made.
impl From<OwnedFd> for Detached {
    fn from(mount: OwnedFd) -> Detached {
        Detached(mount)
    }
}

impl AsFd for Detached {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Makes the mount at `path`, of this namespace, and each below it read-only. See mount_setattr(2), Linux 5.12.
pub fn make_read_only<P: NixPath + ?Sized>(path: &P) -> nix::Result<()> {
    set(AT_FDCWD, path, libc::AT_RECURSIVE, READ_ONLY)
}

/// Makes the one mount that is open read-only, and none below it. See mount_setattr(2), Linux 5.12.
pub fn make_one_read_only(mount: impl AsFd) -> nix::Result<()> {
    set(mount.as_fd(), c"", 0, READ_ONLY)
}

/// mount_setattr(2); with AT_RECURSIVE on a whole tree, of which either every mount is changed or none.
fn set<P: NixPath + ?Sized>(
    at: BorrowedFd<'_>,
    path: &P,
    deep: libc::c_int,
    attributes: libc::mount_attr,
) -> nix::Result<()> {
    let flags = libc::AT_EMPTY_PATH | deep;
    let result = path.with_nix_path(|path| {
        // SAFETY: the kernel reads a C string and `size_of` bytes of `attributes`; both outlive the call.
        unsafe {
            libc::syscall(
                libc::SYS_mount_setattr,
                at.as_raw_fd(),
                path.as_ptr(),
                flags,
                &raw const attributes,
                size_of_val(&attributes),
            )
        }
    })?;
    Errno::result(result).map(drop)
}
