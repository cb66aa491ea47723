//! What the standard library and the C library would bring: the entry, the four functions that compilers take for granted,
//! and an end for panics, which nothing in this program should need.
#![allow(unsafe_code)]

use core::arch::{asm, global_asm};
use core::ffi::c_char;

use init::Words;

// The kernel leaves argc, argv and envp on the stack, see execve(2) and the ELF ABI of each architecture.
#[cfg(target_arch = "x86_64")]
global_asm!(".globl _start", "_start:", "xor ebp, ebp", "mov rdi, rsp", "and rsp, -16", "call {begin}", "ud2", begin = sym begin);
#[cfg(target_arch = "aarch64")]
global_asm!(".globl _start", "_start:", "mov x29, 0", "mov x0, sp", "bl {begin}", "brk 1", begin = sym begin);

extern "C" fn begin(stack: *mut usize) -> ! {
    // SAFETY: at the top of the stack stands argc.
    let argc = unsafe { stack.read() };
    // SAFETY: after it argv, argc pointers and a null.
    let argv = unsafe { stack.add(1) };
    // SAFETY: after that envp, pointers and a null.
    let envp = unsafe { argv.add(argc + 1) };
    // SAFETY: both are lists of C strings that stay for the life of the process; argc stands in front of argv.
    let words = unsafe { Words::new(argv.cast::<*const c_char>()) };
    // SAFETY: the same; the null of argv stands in front of envp.
    let environment = unsafe { Words::new(envp.cast::<*const c_char>()) };
    exit(super::start(words, environment))
}

/// exit_group(2)
fn exit(status: u8) -> ! {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: takes an integer and does not return.
    unsafe {
        asm!("syscall", in("rax") 231, in("rdi") u64::from(status), options(noreturn));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: takes an integer and does not return.
    unsafe {
        asm!("svc 0", in("x8") 94, in("x0") u64::from(status), options(noreturn));
    }
}

/// An init that goes on in an unknown state is worse than a box that ends: status 255.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    exit(255)
}

/// Copies one byte. Volatile, so that the compiler does not make a call of memcpy of the loop around it.
///
/// # Safety
/// Both pointers must have a byte at `at`.
unsafe fn copy(to: *mut u8, from: *const u8, at: usize) {
    // SAFETY: the caller's.
    let from = unsafe { from.add(at) };
    // SAFETY: the caller's.
    let to = unsafe { to.add(at) };
    // SAFETY: the caller's.
    let byte = unsafe { from.read_volatile() };
    // SAFETY: the caller's.
    unsafe { to.write_volatile(byte) };
}

/// memcpy(3)
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    for i in 0..count {
        // SAFETY: the caller's.
        unsafe { copy(to, from, i) };
    }
    to
}

/// memmove(3)
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    if to.cast_const() <= from {
        // SAFETY: forward is right when the target begins before the source.
        return unsafe { memcpy(to, from, count) };
    }
    for i in (0..count).rev() {
        // SAFETY: the caller's.
        unsafe { copy(to, from, i) };
    }
    to
}

/// memset(3)
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memset(to: *mut u8, byte: i32, count: usize) -> *mut u8 {
    for i in 0..count {
        // SAFETY: the caller's.
        let at = unsafe { to.add(i) };
        // SAFETY: the caller's.
        unsafe { at.write_volatile(byte as u8) };
    }
    to
}

/// memcmp(3)
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, count: usize) -> i32 {
    for i in 0..count {
        let byte = |text: *const u8| {
            // SAFETY: the caller's.
            let at = unsafe { text.add(i) };
            // SAFETY: the caller's.
            i32::from(unsafe { at.read_volatile() })
        };
        if byte(one) != byte(other) {
            return byte(one) - byte(other);
        }
    }
    0
}

/// bcmp(3)
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bcmp(one: *const u8, other: *const u8, count: usize) -> i32 {
    // SAFETY: the caller's.
    unsafe { memcmp(one, other, count) }
}

/// strlen(3)
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn strlen(text: *const c_char) -> usize {
    let mut length = 0;
    loop {
        // SAFETY: the string has an end, and it is not behind us.
        let at = unsafe { text.add(length) };
        // SAFETY: the same.
        if unsafe { at.read_volatile() } == 0 {
            return length;
        }
        length += 1;
    }
}
