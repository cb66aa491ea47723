//! Calls of the runtime that nix does not wrap: fork and terminals.
#![allow(unsafe_code)]

use std::fs;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{ForkResult, Pid};

use super::terminal::Size;

/// fork(2): the child's number, or nothing in the child. The caller has a single thread.
pub fn fork() -> nix::Result<Option<Pid>> {
    // SAFETY: with a single thread no lock is held by somebody who does not exist in the child.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Some(child)),
        ForkResult::Child => Ok(None),
    }
}

/// Closes every descriptor from 3 on but these: what the starter's parent left open is not ours to keep.
pub fn close_all_but(keep: &[RawFd]) {
    let entries = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let open: Vec<RawFd> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for fd in open.into_iter().filter(|fd| *fd > 2 && !keep.contains(fd)) {
        // SAFETY: no pointer is passed. Called right after the fork, in a copy that will use nothing of what was open.
        unsafe { libc::close(fd) };
    }
}

/// A new pseudo-terminal of the devpts that is mounted here: both sides. See pty(7), TIOCGPTPEER in ioctl_tty(2).
pub fn open_pty() -> nix::Result<(OwnedFd, OwnedFd)> {
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let master = open("/dev/ptmx", flags, Mode::empty())?;
    let unlocked: libc::c_int = 0;
    // SAFETY: the kernel reads one int.
    Errno::result(unsafe {
        libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlocked)
    })?;
    // SAFETY: takes flags by value. The other side is found without a path, which the box could have covered.
    let slave = unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags.bits()) };
    let slave = Errno::result(slave)?;
    // SAFETY: the kernel has just opened this descriptor for us.
    Ok((master, unsafe { OwnedFd::from_raw_fd(slave) }))
}

/// Makes a terminal the controlling one of this session, which must have none: TIOCSCTTY of ioctl_tty(2).
pub fn control(terminal: BorrowedFd<'_>) -> nix::Result<()> {
    // SAFETY: takes an int by value.
    Errno::result(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY, 0) }).map(drop)
}

/// The size of a terminal: TIOCGWINSZ.
pub fn size(terminal: BorrowedFd<'_>) -> nix::Result<Size> {
    let mut window = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    let fd = terminal.as_raw_fd();
    // SAFETY: the kernel writes one winsize.
    Errno::result(unsafe { libc::ioctl(fd, libc::TIOCGWINSZ, &raw mut window) })?;
    Ok(Size { rows: window.ws_row, columns: window.ws_col })
}

/// Sets it: TIOCSWINSZ. The kernel tells the foreground of the terminal by SIGWINCH.
pub fn resize(terminal: BorrowedFd<'_>, size: Size) -> nix::Result<()> {
    let (ws_row, ws_col) = (size.rows, size.columns);
    let window = libc::winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 };
    let fd = terminal.as_raw_fd();
    // SAFETY: the kernel reads one winsize.
    Errno::result(unsafe { libc::ioctl(fd, libc::TIOCSWINSZ, &raw const window) }).map(drop)
}

/// Gives back what this process does not need while it waits: free memory of the heap, see malloc_trim(3), and the stack
/// that deeper calls have used before, see MADV_DONTNEED in madvise(2). A monitor is small, and there are many.
pub fn shrink() {
    #[cfg(target_env = "gnu")]
    // SAFETY: no pointer is passed; there is one thread.
    unsafe {
        libc::malloc_trim(0)
    };
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let lowest = maps.lines().find(|line| line.ends_with("[stack]"));
    let lowest = lowest.and_then(|line| usize::from_str_radix(line.split('-').next()?, 16).ok());
    let local = 0_u8;
    // What is so far below is no frame of ours, nor of a call that we make now.
    let top = ((&raw const local as usize) - (16 << 10)) & !0xFFF;
    if let Some(length) = lowest.and_then(|lowest| top.checked_sub(lowest)) {
        // SAFETY: the range is the part of this thread's stack below every live frame; the kernel gives zeroes when it is
        // used again.
        unsafe { libc::madvise((top - length) as *mut _, length, libc::MADV_DONTNEED) };
    }
}

/// A descriptor that the kernel has just made for us, by a message.
pub fn owned(fd: RawFd) -> OwnedFd {
    // SAFETY: SCM_RIGHTS made the kernel open it in this process, and nobody else knows it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// pidfd_send_signal(2), by number: real-time signals have no name.
pub fn signal(process: BorrowedFd<'_>, signal: i32) -> nix::Result<()> {
    let (call, fd, none) =
        (libc::SYS_pidfd_send_signal, process.as_raw_fd(), std::ptr::null::<libc::siginfo_t>());
    // SAFETY: a null siginfo asks the kernel to fill it in as kill(2) does.
    Errno::result(unsafe { libc::syscall(call, fd, signal, none, 0) }).map(drop)
}
