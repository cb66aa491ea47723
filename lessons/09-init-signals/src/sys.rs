//! The one file of this crate with `unsafe`.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::ptr;

use init::Words;

/// Closes every descriptor from this one on: close_range(2).
pub fn close_from(first: u32) {
    // SAFETY: no pointer is passed. Whoever calls it will not use, or drop, anything that owns such a descriptor.
    unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
}

/// Ends this process at once: no destructor, no flush of a buffer that belongs to the parent. See _exit(2).
pub fn exit_now(status: u8) -> ! {
    // SAFETY: _exit does not return and touches no memory.
    unsafe { libc::_exit(status.into()) }
}

/// Words as the kernel passes them to a program.
pub fn words(words: Vec<CString>) -> Words {
    let list: Vec<_> = words.into_iter().map(|word| word.into_raw().cast_const()).collect();
    let list: Vec<_> = list.into_iter().chain([ptr::null()]).collect();
    // SAFETY: the list and its strings are never freed, the last element is null, and the first is the name of the init.
    unsafe { Words::new(Box::leak(list.into_boxed_slice()).as_mut_ptr()) }
}
