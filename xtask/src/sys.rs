//! What the standard library does not offer: who we are, two signal dispositions, mounts of our own.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

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

/// Detaches a mount for this process and its children alone. See unshare(2), umount2(2).
pub fn unmount_for_us(point: &Path) -> io::Result<()> {
    let point = CString::new(point.as_os_str().as_encoded_bytes())?;
    // SAFETY: unshare takes no pointer. This process gets a copy of its mounts.
    done(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
    let private = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: the kernel reads the string up to its NUL; null is allowed for the others with these flags.
    done(unsafe { libc::mount(ptr::null(), c"/".as_ptr(), ptr::null(), private, ptr::null()) })?;
    // SAFETY: the kernel reads the string up to its NUL.
    done(unsafe { libc::umount2(point.as_ptr(), libc::MNT_DETACH) })
}

fn done(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
