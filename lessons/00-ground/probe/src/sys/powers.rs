//! Calls that ask for a power, with numbers as arguments, and a change of who asks.

use std::ffi::{CStr, CString, c_char, c_int, c_long};
use std::fs::File;
use std::io::{self, Error};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
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

/// ioctl(2), SIOCSIFFLAGS: gives the loopback interface the flags that it has.
pub fn set_loopback_as_it_is() -> io::Result<()> {
    let socket = std::net::UdpSocket::bind(("0.0.0.0", 0))?;
    let mut request = MaybeUninit::<libc::ifreq>::zeroed();
    for (at, byte) in c"lo".to_bytes().iter().enumerate() {
        // SAFETY: all zeroes are an `ifreq`.
        unsafe { request.assume_init_mut() }.ifr_name[at] = *byte as c_char;
    }
    for operation in [libc::SIOCGIFFLAGS, libc::SIOCSIFFLAGS] {
        // SAFETY: the kernel reads a name from `request` and writes or reads its flags; it outlives the call.
        super::check(unsafe {
            libc::ioctl(socket.as_raw_fd(), operation as _, request.as_mut_ptr())
        })?;
    }
    Ok(())
}

/// ioctl(2), FS_IOC_SETFLAGS: the file can only grow, and then everything as before.
pub fn append_only(file: &File) -> io::Result<()> {
    const FS_APPEND_FL: c_int = 0x20; // linux/fs.h
    for flags in [FS_APPEND_FL, 0] {
        // SAFETY: the kernel reads an integer from `flags`, which outlives the call.
        super::check(unsafe {
            libc::ioctl(file.as_raw_fd(), libc::FS_IOC_SETFLAGS as _, &raw const flags)
        })?;
    }
    Ok(())
}

/// setrlimit(2): lowers a hard limit, which anybody may, and raises it again.
pub fn raise_limit() -> io::Result<()> {
    for most in [0, 1] {
        let limit = libc::rlimit { rlim_cur: 0, rlim_max: most };
        // SAFETY: the kernel reads `limit`, which outlives the call.
        super::check(unsafe { libc::setrlimit(libc::RLIMIT_MSGQUEUE, &raw const limit) })?;
    }
    Ok(())
}

/// bind(2) of a socket to the group that hears the audit records.
pub fn listen_to_audit() -> io::Result<()> {
    // SAFETY: takes only integers.
    let fd = super::check(unsafe {
        libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_AUDIT)
    })?;
    // SAFETY: the kernel has just opened this descriptor for us.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: all zeroes are an address.
    let mut address: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
    (address.nl_family, address.nl_groups) = (libc::AF_NETLINK as u16, 1);
    let size = size_of_val(&address) as u32;
    // SAFETY: the kernel reads `size` bytes of `address`, which outlives the call.
    super::check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), size) })
        .map(drop)
}

/// perf_event_open(2): a clock of everything that runs on CPU 0. It is closed at once.
pub fn count_everybodys_time() -> io::Result<()> {
    // type and size, config: PERF_TYPE_SOFTWARE, PERF_ATTR_SIZE_VER0, PERF_COUNT_SW_CPU_CLOCK
    let attributes: [u32; 16] = [1, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let pointer = attributes.as_ptr();
    let none = -1 as c_long;
    // SAFETY: the kernel reads as many bytes as the second word says, which are all of `attributes`.
    let fd = unsafe {
        libc::syscall(libc::SYS_perf_event_open, pointer, none, 0 as c_long, none, 0 as c_long)
    };
    own(fd)
}

/// bpf(2), BPF_MAP_CREATE: a table of one entry that forgets, a kind that no sysctl gives to everybody.
pub fn make_map() -> io::Result<()> {
    // BPF_MAP_TYPE_LRU_HASH, sizes of key and value, entries
    let attributes: [u32; 18] = [9, 4, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let size = size_of_val(&attributes);
    // SAFETY: the kernel reads `size` bytes of `attributes`, which outlives the call.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, 0 as c_long, attributes.as_ptr(), size) };
    own(fd)
}

/// Closes what was opened.
fn own(fd: c_long) -> io::Result<()> {
    let fd = super::check(fd as i32)?;
    // SAFETY: the kernel has just opened this descriptor for us.
    drop(unsafe { OwnedFd::from_raw_fd(fd) });
    Ok(())
}

/// A capability on a file: revision 2, effective, CAP_CHOWN permitted. See capabilities(7).
pub fn set_file_capability(path: &str) -> io::Result<()> {
    let path = CString::new(path)?;
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
