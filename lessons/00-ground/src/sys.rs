//! The one file of this crate with `unsafe`: system calls that nix does not wrap.
#![allow(unsafe_code)]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::errno::Errno;

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
