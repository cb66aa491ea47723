//! The one file of this crate with `unsafe`: capability sets, the prctl calls around them, seccomp and bpf, none of which
//! nix wraps.
#![allow(unsafe_code)]

pub mod bpf;

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use seccompiler::sock_filter;

/// Permitted, effective and inheritable set of a thread; bit n is capability n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Sets {
    pub permitted: u64,
    pub effective: u64,
    pub inheritable: u64,
}

/// `_LINUX_CAPABILITY_VERSION_3`: 64 bits, as two halves.
const VERSION: u32 = 0x2008_0522;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Half {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// This thread's sets. See capget(2).
pub fn capget() -> nix::Result<Sets> {
    let mut header = Header { version: VERSION, pid: 0 };
    let mut halves = [Half::default(); 2];
    // SAFETY: the kernel reads the header and, for version 3, writes two halves; both outlive the call.
    let result = unsafe {
        libc::syscall(libc::SYS_capget, &raw mut header, (&raw mut halves).cast::<Half>())
    };
    Errno::result(result)?;
    let join = |of: fn(&Half) -> u32| u64::from(of(&halves[1])) << 32 | u64::from(of(&halves[0]));
    Ok(Sets {
        permitted: join(|half| half.permitted),
        effective: join(|half| half.effective),
        inheritable: join(|half| half.inheritable),
    })
}

/// Sets them. The permitted set can only shrink. See capset(2).
pub fn capset(sets: Sets) -> nix::Result<()> {
    let mut header = Header { version: VERSION, pid: 0 };
    let half = |shift: u32| Half {
        effective: (sets.effective >> shift) as u32,
        permitted: (sets.permitted >> shift) as u32,
        inheritable: (sets.inheritable >> shift) as u32,
    };
    let halves = [half(0), half(32)];
    // SAFETY: the kernel reads the header and two halves; both outlive the call.
    let result = unsafe {
        libc::syscall(libc::SYS_capset, &raw mut header, (&raw const halves).cast::<Half>())
    };
    Errno::result(result).map(drop)
}

/// prctl(2) with integer arguments only: none of the operations used here takes a pointer.
fn prctl(operation: i32, a: u64, b: u64) -> nix::Result<i32> {
    // SAFETY: the operations of this file take integers, no memory is passed.
    let result = unsafe { libc::prctl(operation, a, b, 0u64, 0u64) };
    Errno::result(result)
}

/// Whether a capability is in the bounding set; EINVAL for one that the kernel does not know.
pub fn bounding_has(capability: u8) -> nix::Result<bool> {
    prctl(libc::PR_CAPBSET_READ, capability.into(), 0).map(|set| set == 1)
}

/// Takes a capability out of the bounding set, for good. Needs CAP_SETPCAP.
pub fn bounding_drop(capability: u8) -> nix::Result<()> {
    prctl(libc::PR_CAPBSET_DROP, capability.into(), 0).map(drop)
}

/// Whether a capability is in the ambient set.
pub fn ambient_has(capability: u8) -> nix::Result<bool> {
    let operation = libc::PR_CAP_AMBIENT_IS_SET as u64;
    prctl(libc::PR_CAP_AMBIENT, operation, capability.into()).map(|set| set == 1)
}

/// Adds a capability, which must be permitted and inheritable, to the ambient set.
pub fn ambient_raise(capability: u8) -> nix::Result<()> {
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE as u64, capability.into()).map(drop)
}

/// Empties the ambient set.
pub fn ambient_clear() -> nix::Result<()> {
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as u64, 0).map(drop)
}

/// User ID 0 means nothing to execve(2): `linux/securebits.h`.
pub const SECBIT_NOROOT: u32 = 1;

/// Sets the securebits of this thread. Needs CAP_SETPCAP. See capabilities(7).
pub fn set_securebits(bits: u32) -> nix::Result<()> {
    prctl(libc::PR_SET_SECUREBITS, bits.into(), 0).map(drop)
}

/// Adds a filter to this thread, in front of those it has. See seccomp(2). With `SECCOMP_FILTER_FLAG_NEW_LISTENER` the
/// result is a descriptor, else 0.
pub fn seccomp(program: &[sock_filter], flags: u64) -> nix::Result<RawFd> {
    // `seccompiler` lays an instruction out as the kernel and libc do: eight bytes.
    let fprog = libc::sock_fprog {
        len: program.len().try_into().map_err(|_| Errno::EINVAL)?,
        filter: program.as_ptr().cast::<libc::sock_filter>().cast_mut(),
    };
    // SAFETY: the kernel reads `len` instructions and copies them; it writes nothing.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER as libc::c_long,
            flags,
            &raw const fprog,
        )
    };
    Errno::result(result).map(|fd| fd as RawFd)
}

/// A notification's head, as the kernel writes it; see seccomp_unotify(2).
pub fn next_notification(listener: BorrowedFd<'_>) -> nix::Result<libc::seccomp_notif> {
    // SAFETY: every bit pattern is valid for this struct of integers; the kernel wants it zeroed.
    let mut notification: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes `size_of` bytes into `notification`, which outlives the call.
    let result = unsafe {
        libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut notification)
    };
    Errno::result(result).map(|_| notification)
}

/// Answers a notification: the caller gets `errno`, or `value` when that is 0.
pub fn answer(listener: BorrowedFd<'_>, id: u64, value: i64, errno: i32) -> nix::Result<()> {
    let mut response = libc::seccomp_notif_resp { id, val: value, error: -errno, flags: 0 };
    // SAFETY: the kernel reads `size_of` bytes of `response`, which outlives the call.
    let result = unsafe {
        libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut response)
    };
    Errno::result(result).map(drop)
}

/// Owns a descriptor that recvmsg(2) has just brought.
pub fn adopt(received: RawFd) -> OwnedFd {
    // SAFETY: the kernel has just opened this descriptor for us, and nobody else knows it.
    unsafe { OwnedFd::from_raw_fd(received) }
}
