//! The system calls that the standard library does not have, and the entry from C.

#![allow(unsafe_code)]

pub mod attack;
pub mod children;
pub mod net;
pub mod powers;

use std::ffi::{CStr, CString, c_char, c_int, c_long};
use std::fs::File;
use std::io::{self, Error};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::Duration;

/// The C library's start-up calls this.
// SAFETY: no other `main` is linked, `#![no_main]` leaves the name free, and the signature is C's.
#[cfg_attr(not(test), unsafe(no_mangle))]
extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    // SAFETY: execve(2) and the C library hand over `argc` pointers at `argv`.
    let pointers = unsafe { std::slice::from_raw_parts(argv, argc as usize) };
    let word = |pointer: &*const c_char| {
        // SAFETY: each of them points at a string that ends in NUL and lives as long as the process.
        unsafe { CStr::from_ptr(*pointer) }.to_string_lossy().into_owned()
    };
    let words: Vec<String> = pointers.iter().skip(1).map(word).collect();
    crate::run(&words)
}

/// The kernel's and C's convention: -1 is a failure described by errno.
fn check(result: c_int) -> io::Result<c_int> {
    if result == -1 { Err(Error::last_os_error()) } else { Ok(result) }
}

/// Standard output as it was inherited. The standard library's own takes a closed one for a success.
pub fn stdout() -> ManuallyDrop<File> {
    // SAFETY: `File` closes its descriptor when dropped, which `ManuallyDrop` prevents; a closed one gives EBADF.
    ManuallyDrop::new(unsafe { File::from_raw_fd(libc::STDOUT_FILENO) })
}

/// getuid(2)
pub fn uid() -> u32 {
    // SAFETY: takes no arguments and cannot fail.
    unsafe { libc::getuid() }
}

/// getgid(2)
pub fn gid() -> u32 {
    // SAFETY: takes no arguments and cannot fail.
    unsafe { libc::getgid() }
}

/// getppid(2)
pub fn getppid() -> i32 {
    // SAFETY: takes no arguments and cannot fail.
    unsafe { libc::getppid() }
}

/// gethostname(2)
pub fn hostname() -> io::Result<String> {
    let mut name = [0u8; 65]; // HOST_NAME_MAX and a NUL
    // SAFETY: at most `name.len()` bytes are written to `name`.
    check(unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len()) })?;
    Ok(name.split(|byte| *byte == 0).next().map(String::from_utf8_lossy).unwrap_or_default().into())
}

/// sethostname(2)
pub fn set_hostname(name: &str) -> io::Result<()> {
    // SAFETY: the kernel reads `name.len()` bytes of `name`.
    check(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) }).map(drop)
}

/// getcwd(2) as the kernel answers: `(unreachable)/…` when the directory is outside the root. The C library's own
/// function hides that.
pub fn getcwd() -> io::Result<String> {
    let mut path = [0u8; 4096];
    // SAFETY: at most `path.len()` bytes are written to `path`.
    let len = unsafe { libc::syscall(libc::SYS_getcwd, path.as_mut_ptr(), path.len()) };
    let len = usize::try_from(len).map_err(|_| Error::last_os_error())?;
    Ok(String::from_utf8_lossy(&path[..len.saturating_sub(1)]).into_owned())
}

/// kill(2)
pub fn kill(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: takes only integers.
    check(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// mount(2), without flags and data
pub fn mount(source: &str, target: &str, fstype: &str) -> io::Result<()> {
    let (source, target, fstype) =
        (CString::new(source)?, CString::new(target)?, CString::new(fstype)?);
    let [source, target, fstype] = [&source, &target, &fstype].map(|string| string.as_ptr());
    // SAFETY: three strings that end in NUL and outlive the call; a null `data` stands for no options.
    check(unsafe { libc::mount(source, target, fstype, 0, ptr::null()) }).map(drop)
}

/// mknod(2)
pub fn mknod(path: &str, mode: u32, major: u32, minor: u32) -> io::Result<()> {
    let path = CString::new(path)?;
    let device = libc::makedev(major, minor);
    // SAFETY: the kernel reads the string up to its NUL; the rest are integers.
    check(unsafe { libc::mknod(path.as_ptr(), mode, device) }).map(drop)
}

/// fchdir(2)
pub fn fchdir(fd: i32) -> io::Result<()> {
    // SAFETY: takes only an integer; one that is no descriptor gives EBADF.
    check(unsafe { libc::fchdir(fd) }).map(drop)
}

/// Is the descriptor open? fcntl(2), F_GETFD
pub fn is_open(fd: i32) -> bool {
    // SAFETY: F_GETFD takes no further argument; a number that is no descriptor gives EBADF.
    unsafe { libc::fcntl(fd, libc::F_GETFD) != -1 }
}

/// shmget(2), 4096 bytes
pub fn shmget(key: i32, create: bool) -> io::Result<i32> {
    let flags = if create { libc::IPC_CREAT | 0o600 } else { 0 };
    // SAFETY: takes only integers.
    check(unsafe { libc::shmget(key, if create { 4096 } else { 0 }, flags) })
}

/// Is the signal blocked? sigprocmask(2)
pub fn is_blocked(signal: i32) -> io::Result<bool> {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: a null new set changes nothing; the current one is written to `set`.
    check(unsafe { libc::sigprocmask(libc::SIG_BLOCK, ptr::null(), set.as_mut_ptr()) })?;
    // SAFETY: sigprocmask succeeded, so `set` is initialised.
    Ok(unsafe { libc::sigismember(set.as_ptr(), signal) } == 1)
}

/// Is the signal ignored? sigaction(2). False for numbers that the C library keeps for itself.
pub fn is_ignored(signal: i32) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null new action changes nothing; the current one is written to `action`.
    let result = unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) };
    // SAFETY: `action` began as zeroes, which is a valid value, so it may be read even when the call failed.
    let action = unsafe { action.assume_init() };
    result == 0 && action.sa_sigaction == libc::SIG_IGN
}

static CAUGHT: AtomicI32 = AtomicI32::new(-1);

extern "C" fn on_signal(signal: c_int) {
    let byte = signal as u8;
    // SAFETY: write(2) may be called in a signal handler; it reads one byte of `byte`. A full pipe loses nothing that
    // matters here.
    unsafe { libc::write(CAUGHT.load(Ordering::Relaxed), (&raw const byte).cast(), 1) };
}

/// From now on the numbers of caught signals arrive as bytes at the other end of `pipe`.
pub fn catch_into(pipe: OwnedFd) {
    CAUGHT.store(pipe.into_raw_fd(), Ordering::Relaxed);
}

/// Installs the handler for one signal: sigaction(2).
pub fn catch(signal: i32) -> io::Result<()> {
    let handler: extern "C" fn(c_int) = on_signal;
    // SAFETY: all zeroes is a valid sigaction: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as libc::sighandler_t;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: the handler has the signature that goes without SA_SIGINFO and calls only async-signal-safe functions.
    check(unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) }).map(drop)
}

/// pause(2): returns after a signal was handled.
pub fn pause() {
    // SAFETY: takes no arguments.
    unsafe { libc::pause() };
}

/// Forks a child that runs `child` and exits 0: fork(2). It dies with its parent.
pub fn fork(child: impl FnOnce()) -> io::Result<i32> {
    // SAFETY: the probe has one thread, so no lock is held in the child by a thread that does not exist there.
    match check(unsafe { libc::fork() })? {
        0 => {
            // SAFETY: PR_SET_PDEATHSIG takes one integer.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as c_long) };
            child();
            exit_now(0)
        }
        pid => Ok(pid),
    }
}

/// _exit(2)
pub fn exit_now(status: i32) -> ! {
    // SAFETY: takes an integer and does not return.
    unsafe { libc::_exit(status) }
}

/// Waits until a child is dead and leaves it a zombie: waitid(2), WNOWAIT.
pub fn wait_until_zombie(pid: i32) -> io::Result<()> {
    let mut info = MaybeUninit::<libc::siginfo_t>::uninit();
    let options = libc::WEXITED | libc::WNOWAIT;
    // SAFETY: the kernel writes one siginfo_t to `info`, which nobody reads.
    check(unsafe { libc::waitid(libc::P_PID, pid as libc::id_t, info.as_mut_ptr(), options) })
        .map(drop)
}

/// CPU time that this process has used: clock_gettime(2)
pub fn cpu_time() -> io::Result<Duration> {
    // SAFETY: timespec is plain old data, for which zeroes are valid.
    let mut time: libc::timespec = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes one timespec to `time`.
    check(unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) })?;
    Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

/// sched_setaffinity(2) with one CPU, which must be below the 1024 of a `cpu_set_t`
pub fn pin(cpu: usize) -> io::Result<()> {
    // SAFETY: a set of bits, for which zeroes are valid: the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the caller has checked that the bit is in the set.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: the kernel reads as many bytes of `set` as it has.
    check(unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) }).map(drop)
}

/// The number of CPUs that sched_getaffinity(2) allows
pub fn cpus() -> io::Result<i32> {
    // SAFETY: a set of bits, for which zeroes are valid.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes at most as many bytes to `set` as it has.
    check(unsafe { libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) })?;
    // SAFETY: only counts bits.
    Ok(unsafe { libc::CPU_COUNT(&set) })
}

/// mmap(2) of a whole file, for reading, until the process ends
pub fn map_file(file: &File, len: usize) -> io::Result<&'static [u8]> {
    let fd = file.as_raw_fd();
    // SAFETY: the kernel chooses an address that nothing else uses.
    let at = unsafe { libc::mmap(ptr::null_mut(), len, libc::PROT_READ, libc::MAP_SHARED, fd, 0) };
    if at == libc::MAP_FAILED {
        return Err(Error::last_os_error());
    }
    // SAFETY: so many readable bytes are mapped there and never unmapped; the file is not shortened while a lesson runs.
    Ok(unsafe { std::slice::from_raw_parts(at.cast(), len) })
}

/// Two counters that children share: mmap(2), `MAP_SHARED`
pub fn shared_counters() -> io::Result<&'static [AtomicU32; 2]> {
    let (access, flags) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
    // SAFETY: the kernel chooses an address that nothing else uses.
    let at = unsafe { libc::mmap(ptr::null_mut(), 4096, access, flags, -1, 0) };
    if at == libc::MAP_FAILED {
        return Err(Error::last_os_error());
    }
    // SAFETY: a page of zeroes, aligned, never unmapped, and touched through atomics only.
    Ok(unsafe { &*at.cast() })
}

/// Takes a file that has no dirty pages out of the page cache: posix_fadvise(2)
pub fn forget_cache(file: &File) -> io::Result<()> {
    // SAFETY: takes only integers.
    match unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) } {
        0 => Ok(()),
        errno => Err(Error::from_raw_os_error(errno)),
    }
}

/// As many open files as the hard limit allows: setrlimit(2)
pub fn raise_descriptor_limit() -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes one rlimit to `limit`.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: the kernel reads one rlimit.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }).map(drop)
}

/// mmap(2) of so many bytes without a file, which are never written and never unmapped
pub fn map_anonymous(len: usize, noreserve: bool) -> io::Result<()> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let reserve = if noreserve { libc::MAP_NORESERVE } else { 0 };
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | reserve;
    // SAFETY: the kernel chooses an address that nothing else uses.
    let at = unsafe { libc::mmap(ptr::null_mut(), len, access, flags, -1, 0) };
    if at == libc::MAP_FAILED { Err(Error::last_os_error()) } else { Ok(()) }
}

/// How many pages of a file are in memory, and how many it has: mincore(2)
pub fn cached_pages(file: &File, len: usize) -> io::Result<(usize, usize)> {
    let memory = map_file(file, len)?;
    // SAFETY: takes only an integer.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
    let mut pages = vec![0u8; len.div_ceil(page)];
    let (at, len) = (memory.as_ptr().cast_mut().cast(), memory.len());
    // SAFETY: the kernel writes a byte to `pages` for each page of the mapping, which it does not change.
    check(unsafe { libc::mincore(at, len, pages.as_mut_ptr()) })?;
    Ok((pages.iter().filter(|page| **page & 1 == 1).count(), pages.len()))
}
