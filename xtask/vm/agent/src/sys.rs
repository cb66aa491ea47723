//! The system calls that the standard library does not have.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Error};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::ptr;

/// The kernel's and C's convention: -1 is a failure described by errno.
fn check(result: i32) -> io::Result<i32> {
    if result == -1 { Err(Error::last_os_error()) } else { Ok(result) }
}

fn c_string(bytes: &[u8]) -> io::Result<CString> {
    CString::new(bytes).map_err(Error::from)
}

/// Flags of mount(2).
#[derive(Clone, Copy)]
pub struct MountFlags {
    /// `MS_…`
    pub bits: libc::c_ulong,
}

/// mount(2)
pub fn mount(
    source: impl AsRef<Path>,
    target: impl AsRef<Path>,
    kind: &str,
    flags: MountFlags,
    data: &str,
) -> io::Result<()> {
    let source = c_string(source.as_ref().as_os_str().as_bytes())?;
    let target = c_string(target.as_ref().as_os_str().as_bytes())?;
    let (kind, data) = (c_string(kind.as_bytes())?, c_string(data.as_bytes())?);
    let (from, to, data) = (source.as_ptr(), target.as_ptr(), data.as_ptr().cast());
    // SAFETY: four strings that end in NUL and outlive the call, which only reads them.
    check(unsafe { libc::mount(from, to, kind.as_ptr(), flags.bits, data) }).map(drop)
}

/// mount(2) with `MS_MOVE`
pub fn move_mount(from: &Path, to: &Path) -> io::Result<()> {
    mount(from, to, "", MountFlags { bits: libc::MS_MOVE }, "")
}

/// finit_module(2) without parameters
pub fn load_module(file: &File) -> io::Result<()> {
    // SAFETY: an open descriptor and an empty string; the kernel reads both and keeps neither.
    let result =
        unsafe { libc::syscall(libc::SYS_finit_module, file.as_raw_fd(), c"".as_ptr(), 0) };
    check(result as i32).map(drop)
}

/// sethostname(2)
pub fn set_hostname(name: &str) -> io::Result<()> {
    // SAFETY: the kernel reads `name.len()` bytes of `name`.
    check(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) }).map(drop)
}

/// clock_settime(2) of the real-time clock, to a whole second
pub fn set_clock(seconds: u64) -> io::Result<()> {
    let time = libc::timespec { tv_sec: seconds as libc::time_t, tv_nsec: 0 };
    // SAFETY: the kernel reads one timespec.
    check(unsafe { libc::clock_settime(libc::CLOCK_REALTIME, &time) }).map(drop)
}

/// Has the kernel's random numbers start anew from what was written to `random`; see random(4).
pub fn reseed(random: &File) -> io::Result<()> {
    const RNDRESEEDCRNG: libc::c_ulong = 0x5207;
    // SAFETY: this request takes no argument.
    check(unsafe { libc::ioctl(random.as_raw_fd(), RNDRESEEDCRNG as _) }).map(drop)
}

/// Sets the loopback interface up; see netdevice(7).
pub fn loopback_up() -> io::Result<()> {
    // SAFETY: no pointers; a new descriptor or -1.
    let socket = check(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0) })?;
    // SAFETY: the descriptor was made above and belongs to nobody else.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    // SAFETY: an ifreq is numbers and arrays of numbers: all zeroes are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads one ifreq.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &request) }).map(drop)
}

/// A new pseudoterminal: its master and its slave. See openpty(3).
pub fn open_terminal() -> io::Result<(OwnedFd, OwnedFd)> {
    let (mut master, mut slave) = (-1, -1);
    let (name, modes, window) = (ptr::null_mut(), ptr::null(), ptr::null());
    // SAFETY: two integers are written; null pointers ask for defaults.
    check(unsafe { libc::openpty(&mut master, &mut slave, name, modes as _, window as _) })?;
    for end in [master, slave] {
        // SAFETY: sets a flag of an open descriptor.
        check(unsafe { libc::fcntl(end, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    }
    // SAFETY: openpty has just made the descriptor.
    let master = unsafe { OwnedFd::from_raw_fd(master) };
    // SAFETY: openpty has just made the descriptor.
    let slave = unsafe { OwnedFd::from_raw_fd(slave) };
    Ok((master, slave))
}

/// Sets rows and columns of a terminal; see TIOCSWINSZ(2const).
pub fn set_window(terminal: impl AsFd, (rows, columns): (u16, u16)) -> io::Result<()> {
    let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = terminal.as_fd().as_raw_fd();
    // SAFETY: the request reads one winsize.
    check(unsafe { libc::ioctl(terminal, libc::TIOCSWINSZ as _, &size) }).map(drop)
}

/// Has the command lead a session of its own, with its stdin as controlling terminal on request.
pub fn lead_session(command: &mut Command, terminal: bool) {
    let lead = move || {
        // SAFETY: setsid takes no arguments; it fails only for a group leader, which a child is not.
        check(unsafe { libc::setsid() })?;
        if terminal {
            // SAFETY: the request takes an integer.
            check(unsafe { libc::ioctl(0, libc::TIOCSCTTY as _, 0) })?;
        }
        Ok(())
    };
    // SAFETY: between fork and execve the closure makes two system calls and allocates nothing.
    unsafe { command.pre_exec(lead) };
}

/// Bytes that can be read from a pipe or terminal at once; see FIONREAD(2const).
pub fn waiting(file: &File) -> usize {
    let mut count = 0;
    // SAFETY: the request writes one integer.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::FIONREAD as _, &mut count) };
    if result == -1 { 0 } else { count as usize }
}

/// Waits until reading would not wait: see poll(2).
pub fn wait_readable(file: &File) -> io::Result<()> {
    let mut poll = libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd is read and written.
    check(unsafe { libc::poll(&mut poll, 1, -1) }).map(drop)
}

/// Waits for any child; see waitpid(2).
pub fn wait_any() -> io::Result<(i32, ExitStatus)> {
    let mut status = 0;
    // SAFETY: one integer is written.
    let pid = check(unsafe { libc::waitpid(-1, &mut status, 0) })?;
    Ok((pid, ExitStatus::from_raw(status)))
}
