//! The three things the standard library does not offer: who we are, and two signal dispositions.
#![allow(unsafe_code)]

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
