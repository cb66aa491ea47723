//! The one file of this crate with `unsafe`: the calls that make a mount step by step, extended attributes, and quotas of
//! projects, none of which nix wraps.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::null;

use nix::NixPath;
use nix::errno::Errno;

/// A file system that is being described, before it is mounted. See fsopen(2), Linux 5.2.
#[derive(Debug)]
pub struct Context(OwnedFd);

impl Context {
    /// Of this type.
    pub fn open(kind: &CStr) -> nix::Result<Context> {
        // SAFETY: the kernel reads a C string, which outlives the call.
        let fd = unsafe { libc::syscall(libc::SYS_fsopen, kind.as_ptr(), libc::FSOPEN_CLOEXEC) };
        own(fd).map(Context)
    }

    /// Sets an option to a value, of at most 255 bytes. See fsconfig(2).
    pub fn set<P: NixPath + ?Sized>(&self, key: &CStr, value: &P) -> nix::Result<()> {
        let (fd, command) = (self.0.as_raw_fd(), libc::FSCONFIG_SET_STRING);
        let done = value.with_nix_path(|value| {
            // SAFETY: the kernel reads two C strings, which outlive the call.
            unsafe {
                libc::syscall(libc::SYS_fsconfig, fd, command, key.as_ptr(), value.as_ptr(), 0)
            }
        })?;
        Errno::result(done).map(drop)
    }

    /// Sets an option that has no value.
    pub fn flag(&self, key: &CStr) -> nix::Result<()> {
        self.command(libc::FSCONFIG_SET_FLAG, key.as_ptr())
    }

    /// The description is complete: the file system is made, or refused.
    pub fn create(&self) -> nix::Result<()> {
        self.command(libc::FSCONFIG_CMD_CREATE, null())
    }

    fn command(&self, command: libc::c_uint, key: *const libc::c_char) -> nix::Result<()> {
        let (fd, nothing) = (self.0.as_raw_fd(), null::<u8>());
        // SAFETY: `key` is null or a C string that the caller still holds; no value is read.
        let done = unsafe { libc::syscall(libc::SYS_fsconfig, fd, command, key, nothing, 0) };
        Errno::result(done).map(drop)
    }

    /// A mount of it with `MOUNT_ATTR_*`, which hangs nowhere yet. See fsmount(2).
    pub fn mount(&self, attributes: u64) -> nix::Result<OwnedFd> {
        let fd = self.0.as_raw_fd();
        // SAFETY: three numbers.
        own(unsafe { libc::syscall(libc::SYS_fsmount, fd, libc::FSMOUNT_CLOEXEC, attributes) })
    }

    /// What the kernel says about the last step; the first message that was not read yet.
    pub fn message(&self) -> Option<String> {
        let mut buffer = [0; 512];
        let length = nix::unistd::read(&self.0, &mut buffer).ok()?;
        // `e text`: e for error, w for warning, i for information.
        let line = String::from_utf8_lossy(&buffer[..length]);
        Some(line.trim_end().get(2..)?.to_string())
    }
}

fn own(fd: libc::c_long) -> nix::Result<OwnedFd> {
    let fd = Errno::result(fd)? as RawFd;
    // SAFETY: the kernel has just opened this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// XATTR_SIZE_MAX and XATTR_LIST_MAX of linux/limits.h: no value is longer, and no list of names.
const XATTR_MAX: usize = 1 << 16;

/// The value of an extended attribute; `None` when the file has none of that name. Links are not followed. See
/// lgetxattr(2).
pub fn attribute<P: NixPath + ?Sized>(file: &P, name: &CStr) -> nix::Result<Option<Vec<u8>>> {
    let mut value = vec![0u8; XATTR_MAX];
    let length = file.with_nix_path(|file| {
        // SAFETY: the kernel reads two C strings and writes at most `len` bytes of `value`.
        unsafe {
            libc::lgetxattr(file.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len())
        }
    })?;
    match Errno::result(length) {
        Ok(length) => {
            value.truncate(length as usize);
            Ok(Some(value))
        }
        Err(Errno::ENODATA | Errno::EOPNOTSUPP) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// The names of all attributes, a NUL after each; none on a file system without attributes. See llistxattr(2).
pub fn attribute_names<P: NixPath + ?Sized>(file: &P) -> nix::Result<Vec<u8>> {
    let mut names = vec![0u8; XATTR_MAX];
    let length = file.with_nix_path(|file| {
        // SAFETY: the kernel reads a C string and writes at most `len` bytes of `names`.
        unsafe { libc::llistxattr(file.as_ptr(), names.as_mut_ptr().cast(), names.len()) }
    })?;
    match Errno::result(length) {
        Ok(length) => {
            names.truncate(length as usize);
            Ok(names)
        }
        Err(Errno::EOPNOTSUPP) => Ok(Vec::new()),
        Err(errno) => Err(errno),
    }
}

/// Sets one. See lsetxattr(2).
pub fn set_attribute<P: NixPath + ?Sized>(file: &P, name: &CStr, value: &[u8]) -> nix::Result<()> {
    let done = file.with_nix_path(|file| {
        // SAFETY: the kernel reads two C strings and `len` bytes of `value`, all of which outlive the call.
        unsafe {
            libc::lsetxattr(file.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0)
        }
    })?;
    Errno::result(done).map(drop)
}

/// `struct fsxattr` of linux/fs.h.
#[repr(C)]
#[derive(Default)]
#[allow(dead_code)] // the kernel reads and writes the other fields
struct FsXattr {
    xflags: u32,
    extsize: u32,
    nextents: u32,
    projid: u32,
    cowextsize: u32,
    pad: [u8; 8],
}

/// `FS_IOC_FSGETXATTR` and `FS_IOC_FSSETXATTR`: `_IOR` and `_IOW` of `'X'`, 31 and 32, and the size of the structure.
const GET: libc::Ioctl = 0x801c_581f as libc::Ioctl;
const SET: libc::Ioctl = 0x401c_5820 as libc::Ioctl;

/// What is made in the directory from now on belongs to this project. See ioctl_fssetxattr in linux/fs.h.
const FS_XFLAG_PROJINHERIT: u32 = 0x200;

/// Gives a directory, and what will be made in it, to a project.
pub fn set_project(dir: BorrowedFd<'_>, project: u32) -> nix::Result<()> {
    let mut attributes = FsXattr::default();
    // SAFETY: the kernel fills the structure, whose size is part of the number of the call.
    Errno::result(unsafe { libc::ioctl(dir.as_raw_fd(), GET, &raw mut attributes) })?;
    attributes.projid = project;
    attributes.xflags |= FS_XFLAG_PROJINHERIT;
    // SAFETY: the kernel reads that structure.
    Errno::result(unsafe { libc::ioctl(dir.as_raw_fd(), SET, &raw const attributes) }).map(drop)
}

/// `struct if_dqblk` of linux/quota.h; blocks of 1024 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Quota {
    hard: u64,
    soft: u64,
    /// In bytes.
    pub used: u64,
    inodes_hard: u64,
    inodes_soft: u64,
    inodes: u64,
    block_time: u64,
    inode_time: u64,
    valid: u32,
}

const Q_GETQUOTA: libc::c_int = 0x80_0007;
const Q_SETQUOTA: libc::c_int = 0x80_0008;
const PRJQUOTA: libc::c_int = 2;
/// Of the fields, only the limits of blocks are meant.
const QIF_BLIMITS: u32 = 1;
const QUOTA_BLOCK: u64 = 1024;

/// Limits the bytes of a project on the file system that `file` is on; 0 is no limit. See quotactl_fd(2), Linux 5.14.
pub fn limit_project(file: impl AsFd, project: u32, bytes: u64) -> nix::Result<()> {
    let blocks = bytes.div_ceil(QUOTA_BLOCK);
    let mut quota = Quota { hard: blocks, soft: blocks, valid: QIF_BLIMITS, ..Quota::default() };
    quotactl(file.as_fd(), Q_SETQUOTA, project, &mut quota)
}

/// What a project uses.
pub fn project_quota(file: impl AsFd, project: u32) -> nix::Result<Quota> {
    let mut quota = Quota::default();
    quotactl(file.as_fd(), Q_GETQUOTA, project, &mut quota)?;
    Ok(quota)
}

fn quotactl(
    file: BorrowedFd<'_>,
    what: libc::c_int,
    id: u32,
    quota: &mut Quota,
) -> nix::Result<()> {
    let (fd, command) = (file.as_raw_fd(), (what << 8) | PRJQUOTA);
    // SAFETY: the kernel reads or writes one `Quota`, which outlives the call.
    let done = unsafe { libc::syscall(libc::SYS_quotactl_fd, fd, command, id, &raw mut *quota) };
    Errno::result(done).map(drop)
}
