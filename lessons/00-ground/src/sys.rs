//! The one file of this crate with `unsafe`: system calls that nix does not wrap.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::call::IntoErrno;

/// Whether this kernel knows a system call: asked with arguments that every version refuses, it answers anything but
/// `ENOSYS`.
pub fn knows(number: libc::c_long) -> bool {
    // SAFETY: the callers in `needs` pass only calls whose first argument is a descriptor or a size-checked pointer; -1
    // and null make each of them fail before it reads memory or changes anything.
    let result = unsafe { libc::syscall(number, -1, 0, 0, 0, 0) };
    result != -1 || Errno::last() != Errno::ENOSYS
}

/// Whether close_range(2) knows `CLOSE_RANGE_CLOEXEC`: asked for a range in which no descriptor can be.
pub fn closes_on_exec() -> bool {
    // SAFETY: three integers; no descriptor has the number 4294967295, so that nothing is closed or marked.
    let result = unsafe {
        libc::syscall(libc::SYS_close_range, u32::MAX, u32::MAX, libc::CLOSE_RANGE_CLOEXEC)
    };
    result == 0
}

/// Performs `attempt` in a forked child, which then ends without executing a program. The caller must have a single
/// thread.
pub fn in_child(attempt: impl Fn() -> nix::Result<()> + Send + Sync + 'static) -> nix::Result<()> {
    // The child reports an error in any case, else Command would execute the program: this one says that all went well.
    const WELL: Errno = Errno::ECANCELED;
    let mut command = Command::new("/proc/self/exe");
    let outcome = move || Err(io::Error::from(attempt().err().unwrap_or(WELL)));
    // SAFETY: the closure runs in the child between fork and exec. The process that forked has a single thread, so that no
    // lock of the allocator or of the standard library can be held for ever in the child's copy.
    unsafe { command.pre_exec(outcome) };
    match command.spawn().map_err(IntoErrno::into_errno) {
        Err(WELL) => Ok(()),
        Err(errno) => Err(errno),
        Ok(_) => Err(Errno::EIO),
    }
}

/// How many columns and rows a terminal has; `None` when `fd` is none, or does not know.
pub fn window(fd: RawFd) -> Option<(usize, usize)> {
    // SAFETY: four integers of 16 bits, for which zero is a value.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: TIOCGWINSZ writes one winsize to the pointer, or fails; it does not keep it.
    let result = unsafe { libc::ioctl(fd, libc::TIOCGWINSZ, &mut size) };
    (result == 0 && size.ws_col > 0).then_some((size.ws_col.into(), size.ws_row.into()))
}

/// The number of a loop device that is free at this moment: loop(4). `control` is `/dev/loop-control`.
pub fn free_loop(control: BorrowedFd) -> nix::Result<i32> {
    const LOOP_CTL_GET_FREE: libc::Ioctl = 0x4C82;
    // SAFETY: takes no argument; on a descriptor of anything else it fails.
    Errno::result(unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE) })
}

/// `struct loop_config` of linux/loop.h, of which three members are needed.
#[repr(C)]
struct LoopConfig {
    fd: u32,
    block_size: u32,
    before_flags: [u32; 13],
    flags: u32,
    rest: [u64; 30],
}

/// Binds a loop device to the file with this descriptor until nobody has the device open: loop(4), Linux 5.8.
pub fn configure_loop(device: BorrowedFd, file: u32) -> nix::Result<()> {
    const LOOP_CONFIGURE: libc::Ioctl = 0x4C0A;
    const LO_FLAGS_AUTOCLEAR: u32 = 4;
    const { assert!(size_of::<LoopConfig>() == 304) };
    let config = LoopConfig {
        fd: file,
        block_size: 0,
        before_flags: [0; 13],
        flags: LO_FLAGS_AUTOCLEAR,
        rest: [0; 30],
    };
    // SAFETY: the kernel reads as many bytes as a loop_config has, which is what `config` has.
    let result = unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CONFIGURE, &raw const config) };
    Errno::result(result).map(drop)
}

/// swapon(2), with the highest priority.
pub fn swapon(device: &Path) -> nix::Result<()> {
    const SWAP_FLAG_PREFER: libc::c_int = 0x8000;
    let device = CString::new(device.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the kernel reads the string up to its NUL.
    Errno::result(unsafe { libc::swapon(device.as_ptr(), SWAP_FLAG_PREFER | 0x7FFF) }).map(drop)
}

/// swapoff(2)
pub fn swapoff(device: &Path) -> nix::Result<()> {
    let device = CString::new(device.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the kernel reads the string up to its NUL.
    Errno::result(unsafe { libc::swapoff(device.as_ptr()) }).map(drop)
}

/// The effective set of this process. See capget(2).
pub fn effective_capabilities() -> nix::Result<u64> {
    const VERSION_3: u32 = 0x2008_0522;
    // version and PID, 0 for this process; effective, permitted and inheritable of the lower and the higher 32 capabilities
    let (mut header, mut data) = ([VERSION_3, 0], [[0u32; 3]; 2]);
    // SAFETY: the kernel reads the two words of the header and writes the six of version 3; both arrays outlive the call.
    let result = unsafe { libc::syscall(libc::SYS_capget, header.as_mut_ptr(), data.as_mut_ptr()) };
    Errno::result(result)?;
    Ok(u64::from(data[1][0]) << 32 | u64::from(data[0][0]))
}

/// A number of the network namespace that this process is in, which no other has had or will have since the machine was
/// started: SO_NETNS_COOKIE of any socket in it.
pub fn namespace_cookie() -> nix::Result<u64> {
    let socket = socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let (mut cookie, mut size) = (0u64, size_of::<u64>() as libc::socklen_t);
    let (level, option) = (libc::SOL_SOCKET, libc::SO_NETNS_COOKIE);
    // SAFETY: the kernel writes at most `size` bytes, all of `cookie`, and then `size`; both outlive the call.
    let result = unsafe {
        let at = (&raw mut cookie).cast();
        libc::getsockopt(socket.as_raw_fd(), level, option, at, &raw mut size)
    };
    Errno::result(result).map(|_| cookie)
}
