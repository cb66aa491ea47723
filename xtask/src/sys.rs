//! What the standard library does not offer: who we are, signal dispositions, mounts, locks, adopted children.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// True when the effective user is root. See geteuid(2).
pub fn is_root() -> bool {
    // SAFETY: geteuid takes no argument, touches no memory of ours and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// Dies quietly when the reader of our output goes away (`cargo xtask list | head -1`), as every
/// Unix filter does; Rust's start-up code ignores SIGPIPE instead.
pub fn restore_sigpipe() {
    // SAFETY: SIG_DFL is a valid disposition for SIGPIPE and no handler of ours is replaced.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

/// Stays alive at Ctrl-C and Ctrl-\ so that a child, which the terminal signals as well, can
/// clean up before we leave. A handler rather than SIG_IGN: execve resets a handler to the
/// default, but lets the child inherit SIG_IGN.
pub fn outlive_interrupts() {
    extern "C" fn note(_signal: libc::c_int) {
        INTERRUPTED.store(true, Ordering::Relaxed);
    }
    let handler = note as *const () as libc::sighandler_t;
    for signal in [libc::SIGINT, libc::SIGQUIT] {
        // SAFETY: the handler only stores to an atomic, which is async-signal-safe, and it is a
        // function item, so it lives as long as the program.
        unsafe { libc::signal(signal, handler) };
    }
}

/// True once Ctrl-C or Ctrl-\ came after [`outlive_interrupts`].
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Gives this process and its children mounts of their own: nobody else sees what they mount and unmount. See unshare(2).
pub fn own_mounts() -> io::Result<()> {
    // SAFETY: unshare takes no pointer. This process gets a copy of its mounts.
    done(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
    let private = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: the kernel reads the string up to its NUL; null is allowed for the others with these flags.
    done(unsafe { libc::mount(ptr::null(), c"/".as_ptr(), ptr::null(), private, ptr::null()) })
}

/// Detaches a mount. See umount2(2).
pub fn unmount(point: &Path) -> io::Result<()> {
    let point = c_string(point)?;
    // SAFETY: the kernel reads the string up to its NUL.
    done(unsafe { libc::umount2(point.as_ptr(), libc::MNT_DETACH) })
}

/// Shows a directory at another place, too. See mount(2).
pub fn bind(dir: &Path, at: &Path) -> io::Result<()> {
    let (dir, at) = (c_string(dir)?, c_string(at)?);
    let (none, flags) = (ptr::null(), libc::MS_BIND);
    // SAFETY: the kernel reads both strings up to their NUL; a bind mount has neither type nor data.
    done(unsafe { libc::mount(dir.as_ptr(), at.as_ptr(), none, flags, ptr::null()) })
}

/// Takes the lock of a file without waiting; it goes with the last descriptor. See flock(2).
pub fn lock(file: &File) -> io::Result<()> {
    // SAFETY: no pointer is passed.
    done(unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) })
}

/// Makes a FIFO. See mkfifo(3).
pub fn fifo(path: &Path) -> io::Result<()> {
    let path = c_string(path)?;
    // SAFETY: the kernel reads the string up to its NUL.
    done(unsafe { libc::mkfifo(path.as_ptr(), 0o666) })
}

/// Orphans among our descendants become our children, not PID 1's. See PR_SET_CHILD_SUBREAPER(2const).
pub fn adopt_orphans() -> io::Result<()> {
    // SAFETY: no pointer is passed.
    done(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) })
}

/// Reaps all children that have ended. Not while a `Child` of the standard library is to be waited for.
pub fn reap_orphans() {
    // SAFETY: null asks for no status, and WNOHANG returns 0 when nobody has ended.
    while unsafe { libc::waitpid(-1, ptr::null_mut(), libc::WNOHANG) } > 0 {}
}

/// A descriptor that means this process for ever. See pidfd_open(2).
pub fn pidfd(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: no pointer is passed.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    done(fd as libc::c_int)?;
    // SAFETY: the kernel has just opened this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Sends a signal. See kill(2).
pub fn kill(pid: u32, signal: libc::c_int) -> io::Result<()> {
    // SAFETY: no pointer is passed.
    done(unsafe { libc::kill(pid as libc::pid_t, signal) })
}

/// Waits until there is something to read, or until the process of a pidfd has ended. False when time is over. See poll(2).
pub fn wait_for(fd: &impl AsRawFd, patience: Duration) -> io::Result<bool> {
    let mut polled = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: the kernel reads and writes one pollfd, which outlives the call.
    let ready = unsafe { libc::poll(&mut polled, 1, patience.as_millis() as libc::c_int) };
    done(ready.min(0))?;
    Ok(ready > 0)
}

fn c_string(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_encoded_bytes())?)
}

fn done(result: libc::c_int) -> io::Result<()> {
    if result >= 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
