//! What a machine's monitor needs of its parent, and the terminal's raw mode.
#![allow(unsafe_code)]

use std::io::{self, Error, IsTerminal};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

fn check(result: i32) -> io::Result<i32> {
    if result == -1 { Err(Error::last_os_error()) } else { Ok(result) }
}

/// Has the child inherit these descriptors under their numbers, and die with us, however we end:
/// see PR_SET_PDEATHSIG(2const). The thread that starts the child must live as long as it.
pub fn tie(command: &mut Command, inherited: Vec<RawFd>) {
    let tie = move || {
        // SAFETY: the request takes a signal number.
        check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })?;
        for fd in &inherited {
            // SAFETY: clears the flag close-on-exec of an open descriptor.
            check(unsafe { libc::fcntl(*fd, libc::F_SETFD, 0) })?;
        }
        Ok(())
    };
    // SAFETY: between fork and execve the closure makes system calls and allocates nothing.
    unsafe { command.pre_exec(tie) };
}

/// Rows and columns of the terminal on stdout; see TIOCGWINSZ(2const).
pub fn window() -> Option<(u16, u16)> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the request writes one winsize.
    let result = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ as _, &mut size) };
    (result == 0).then_some((size.ws_row, size.ws_col))
}

/// The terminal on stdin without line editing, echo and signals, until dropped.
pub struct Raw(libc::termios);

impl Raw {
    /// None when stdin or stdout is no terminal.
    pub fn enter() -> io::Result<Option<Raw>> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Ok(None);
        }
        let fd = io::stdin().as_raw_fd();
        let mut settings = MaybeUninit::uninit();
        // SAFETY: tcgetattr fills the structure in when it succeeds.
        check(unsafe { libc::tcgetattr(fd, settings.as_mut_ptr()) })?;
        // SAFETY: it has succeeded.
        let before: libc::termios = unsafe { settings.assume_init() };
        let mut raw = before;
        // SAFETY: changes flags in a valid structure.
        unsafe { libc::cfmakeraw(&mut raw) };
        // SAFETY: reads a valid structure.
        check(unsafe { libc::tcsetattr(fd, libc::TCSANOW, &raw) })?;
        Ok(Some(Raw(before)))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: reads the structure that tcgetattr filled in.
        unsafe { libc::tcsetattr(io::stdin().as_raw_fd(), libc::TCSANOW, &self.0) };
    }
}
