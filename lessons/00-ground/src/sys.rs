//! The one file of this crate with `unsafe`: system calls that nix does not wrap.
#![allow(unsafe_code)]

use nix::errno::Errno;

/// Whether this kernel knows a system call: asked with arguments that every version refuses, it answers anything but
/// `ENOSYS`.
pub fn knows(number: libc::c_long) -> bool {
    // SAFETY: the callers in `needs` pass only calls whose first argument is a descriptor or a size-checked pointer; -1
    // and null make each of them fail before it reads memory or changes anything.
    let result = unsafe { libc::syscall(number, -1, 0, 0, 0, 0) };
    result != -1 || Errno::last() != Errno::ENOSYS
}
