//! The one file of the image store with `unsafe`: extended attributes, which nix does not wrap. See xattr(7).
#![allow(unsafe_code)]

use std::ffi::CStr;

use nix::errno::Errno;

/// Sets an attribute of what the path names, not of what a link there leads to. See lsetxattr(2).
pub fn lsetxattr(path: &CStr, name: &CStr, value: &[u8]) -> nix::Result<()> {
    // SAFETY: the kernel reads two C strings and `value.len()` bytes, all of which outlive the call.
    let result = unsafe {
        libc::lsetxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0)
    };
    Errno::result(result).map(drop)
}

/// Reads an attribute into `buffer` and returns its length. See lgetxattr(2).
pub fn lgetxattr(path: &CStr, name: &CStr, buffer: &mut [u8]) -> nix::Result<usize> {
    // SAFETY: the kernel reads two C strings and writes at most `buffer.len()` bytes into the buffer.
    let length = unsafe {
        libc::lgetxattr(path.as_ptr(), name.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len())
    };
    Errno::result(length).map(|length| length as usize)
}

/// Reads the names of all attributes into `buffer`, a NUL after each, and returns their length. See llistxattr(2).
pub fn llistxattr(path: &CStr, buffer: &mut [u8]) -> nix::Result<usize> {
    // SAFETY: the kernel reads a C string and writes at most `buffer.len()` bytes into the buffer.
    let length =
        unsafe { libc::llistxattr(path.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) };
    Errno::result(length).map(|length| length as usize)
}
