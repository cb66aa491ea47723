//! The one file of this crate with `unsafe`: socket options that nix does not wrap, and what a program does before execve.
#![allow(unsafe_code)]

use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::Signal;

/// Asks for the kernel's own words beside the errno of a refused request. See netlink(7), `NETLINK_EXT_ACK`, Linux 4.12.
pub fn want_words(socket: BorrowedFd) -> nix::Result<()> {
    set(socket, libc::SOL_NETLINK, libc::NETLINK_EXT_ACK, 1)
}

fn set(socket: BorrowedFd, level: i32, option: i32, value: i32) -> nix::Result<()> {
    let size = size_of_val(&value) as libc::socklen_t;
    // SAFETY: the kernel reads `size` bytes of `value`, which outlives the call.
    let result = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast(), size)
    };
    Errno::result(result).map(drop)
}

/// Has the kernel kill a program as soon as this process ends. See prctl(2), PR_SET_PDEATHSIG.
pub fn die_with_parent(command: &mut Command) {
    let ask = || Ok(prctl::set_pdeathsig(Signal::SIGKILL)?);
    // SAFETY: the closure runs between fork and exec, and makes one system call with integers: it takes no lock and
    // allocates nothing.
    unsafe { command.pre_exec(ask) };
}
