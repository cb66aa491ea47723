//! What an attacker calls, and what a careless runtime does.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Error};
use std::os::fd::{AsRawFd, FromRawFd};
use std::ptr;

use super::check;

/// A file handle of open_by_handle_at(2): a header, and what the file system finds the file by.
#[repr(C)]
struct Handle {
    bytes: u32,
    kind: i32,
    name: [u8; libc::MAX_HANDLE_SZ as usize],
}

/// name_to_handle_at(2): kind and bytes
pub fn handle(path: &str) -> io::Result<(i32, Vec<u8>)> {
    let path = CString::new(path)?;
    let mut handle = Handle { bytes: libc::MAX_HANDLE_SZ as u32, kind: 0, name: [0; 128] };
    let mut mount = 0;
    // SAFETY: the kernel writes to `handle` at most what its header says there is room for, and an integer to `mount`.
    check(unsafe {
        libc::name_to_handle_at(
            libc::AT_FDCWD,
            path.as_ptr(),
            (&raw mut handle).cast(),
            &raw mut mount,
            0,
        )
    })?;
    Ok((handle.kind, handle.name[..handle.bytes as usize].to_vec()))
}

/// open_by_handle_at(2), for reading, on the file system that `mount` lies on
pub fn open_handle(mount: &File, kind: i32, bytes: &[u8]) -> io::Result<File> {
    let mut handle = Handle { bytes: bytes.len() as u32, kind, name: [0; 128] };
    let room =
        handle.name.get_mut(..bytes.len()).ok_or_else(|| Error::from_raw_os_error(libc::EINVAL))?;
    room.copy_from_slice(bytes);
    let flags = libc::O_RDONLY | libc::O_CLOEXEC;
    // SAFETY: the kernel reads of `handle` as many bytes as its header says.
    let fd = check(unsafe {
        libc::open_by_handle_at(mount.as_raw_fd(), (&raw mut handle).cast(), flags)
    })?;
    // SAFETY: the kernel has just opened this descriptor for us.
    Ok(unsafe { File::from_raw_fd(fd) })
}

/// ptrace(2), `PTRACE_SEIZE`: the tracee runs on, and is let go when this process ends
pub fn seize(pid: i32) -> io::Result<()> {
    let none = ptr::null_mut::<libc::c_void>();
    // SAFETY: this request uses neither address nor data.
    let result = unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, none, none) };
    if result == -1 { Err(Error::last_os_error()) } else { Ok(()) }
}

/// prctl(2), `PR_SET_DUMPABLE`: nobody without privilege may look into this process
pub fn hide() -> io::Result<()> {
    // SAFETY: takes only integers.
    check(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) }).map(drop)
}

/// setns(2) into the PID and mount namespaces of a process
pub fn join(pid: i32) -> io::Result<()> {
    // SAFETY: takes only integers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = check(fd as i32)?;
    // SAFETY: takes only integers. The process has one thread, as a mount namespace wants it.
    check(unsafe { libc::setns(fd, libc::CLONE_NEWPID | libc::CLONE_NEWNS) }).map(drop)
}
