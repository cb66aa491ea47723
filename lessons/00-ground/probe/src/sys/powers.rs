//! Calls that ask for a power, with numbers as arguments, and a change of who asks.

use std::ffi::{CStr, CString, c_char, c_long};
use std::io::{self, Error};
use std::ptr;

/// syscall(2) with integers. The caller knows that the call takes no pointer, or that null will do.
pub fn call(number: i64, arguments: &[i64]) -> io::Result<i64> {
    let of = |at: usize| arguments.get(at).copied().unwrap_or(0) as c_long;
    // SAFETY: an integer that the kernel takes for a pointer to nothing of ours gives EFAULT; the verbs pass none to memory.
    let result =
        unsafe { libc::syscall(number as c_long, of(0), of(1), of(2), of(3), of(4), of(5)) };
    if result == -1 { Err(Error::last_os_error()) } else { Ok(result as i64) }
}

/// The same with a path first.
pub fn call_with_path(number: i64, path: &CStr, arguments: &[i64]) -> io::Result<i64> {
    let of = |at: usize| arguments.get(at).copied().unwrap_or(0) as c_long;
    // SAFETY: the kernel reads the C string, which outlives the call; the rest are integers.
    let result = unsafe { libc::syscall(number as c_long, path.as_ptr(), of(0), of(1), of(2)) };
    if result == -1 { Err(Error::last_os_error()) } else { Ok(result as i64) }
}

/// bind(2) of a new TCP socket to a port of the loopback address.
pub fn bind(port: u16) -> io::Result<()> {
    std::net::TcpListener::bind(("127.0.0.1", port)).map(drop)
}

/// setsockopt(2), SO_RCVBUFFORCE: what SO_RCVBUF does, beyond its limit.
pub fn force_buffer() -> io::Result<()> {
    let socket = std::net::UdpSocket::bind(("127.0.0.1", 0))?;
    let size = 4096;
    // SAFETY: the kernel reads `size_of` bytes of `size`, which outlives the call.
    super::check(unsafe {
        libc::setsockopt(
            std::os::fd::AsRawFd::as_raw_fd(&socket),
            libc::SOL_SOCKET,
            libc::SO_RCVBUFFORCE,
            (&raw const size).cast(),
            size_of_val(&size) as u32,
        )
    })
    .map(drop)
}

/// A capability on a file: revision 2, effective, CAP_CHOWN permitted. See capabilities(7).
pub fn set_file_capability(path: &CStr) -> io::Result<()> {
    let value: [u32; 5] = [0x0200_0001u32.to_le(), 1, 0, 0, 0];
    // SAFETY: the kernel reads two C strings and `size_of` bytes of `value`; all outlive the call.
    super::check(unsafe {
        libc::setxattr(
            path.as_ptr(),
            c"security.capability".as_ptr(),
            value.as_ptr().cast(),
            size_of_val(&value),
            0,
        )
    })
    .map(drop)
}

/// execve(2) with this environment; returns only when it failed.
pub fn exec(file: &str, arguments: &[String]) -> io::Error {
    let words: Result<Vec<CString>, _> =
        [file.to_owned()].iter().chain(arguments).map(|word| CString::new(word.as_str())).collect();
    let Ok(words) = words else { return Error::from_raw_os_error(libc::EINVAL) };
    let mut pointers: Vec<*const c_char> = words.iter().map(|word| word.as_ptr()).collect();
    pointers.push(ptr::null());
    // SAFETY: a list of C strings that ends in null, as execv(3) wants it; all outlive the call.
    unsafe { libc::execv(pointers[0], pointers.as_ptr()) };
    Error::last_os_error()
}

/// seccomp(2) with a filter that allows everything.
pub fn filter() -> io::Result<()> {
    let allow = (libc::BPF_RET | libc::BPF_K) as u16;
    let mut program = [libc::sock_filter { code: allow, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW }];
    let fprog = libc::sock_fprog { len: 1, filter: program.as_mut_ptr() };
    // SAFETY: the kernel reads one instruction of `program`, which outlives the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER as c_long,
            0 as c_long,
            &raw const fprog,
        )
    };
    if result == -1 { Err(Error::last_os_error()) } else { Ok(()) }
}
