//! The one file of this crate with `unsafe`: a system call that nix does not wrap.
#![allow(unsafe_code)]

use nix::errno::Errno;

/// `CAP_SYS_CHROOT`, see capabilities(7).
pub const CAP_SYS_CHROOT: u32 = 18;
/// `CAP_MKNOD`.
pub const CAP_MKNOD: u32 = 27;

/// Takes a capability out of the bounding set: no execve(2) gives it from now on, to root neither. See prctl(2),
/// `PR_CAPBSET_DROP`.
pub fn drop_from_bounding_set(capability: u32) -> nix::Result<()> {
    let capability = libc::c_ulong::from(capability);
    // SAFETY: this operation takes one integer and no pointer.
    let result = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
    Errno::result(result).map(drop)
}
