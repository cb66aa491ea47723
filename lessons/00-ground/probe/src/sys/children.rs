//! Children, and what a process does about its signals.

use std::ffi::c_long;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

use super::check;

/// How a child ended, and what it used: wait4(2).
pub struct Ended {
    pub pid: i32,
    pub status: i32,
    pub user: Duration,
    /// In KiB.
    pub most_resident: i64,
}

/// Forks a child that runs `child` and exits 0. Unlike the other fork's it may outlive its parent.
pub fn fork_orphan(child: impl FnOnce()) -> io::Result<i32> {
    // SAFETY: the probe has one thread, so no lock is held in the child by a thread that does not exist there.
    let pid = check(unsafe { libc::fork() })?;
    if pid == 0 {
        child();
        super::exit_now(0);
    }
    Ok(pid)
}

/// A child during whose life the caller waits in the kernel, as after vfork(2), but with memory of its own.
pub fn fork_and_wait(child: impl FnOnce()) -> io::Result<()> {
    let flags = c_long::from(libc::CLONE_VFORK | libc::SIGCHLD);
    // SAFETY: without CLONE_VM the child goes on with a copy of this memory and stack.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    if pid == 0 {
        child();
        super::exit_now(0);
    }
    check(pid as i32).map(drop)
}

/// wait4(2) for one child; `None` if it is still running and `options` has `WNOHANG`.
pub fn wait4(pid: i32, options: i32) -> io::Result<Option<Ended>> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the kernel writes one int and one rusage.
    let pid = check(unsafe { libc::wait4(pid, &raw mut status, options, usage.as_mut_ptr()) })?;
    // SAFETY: zeroes are a valid rusage, so it may be read even when nothing was written.
    let usage = unsafe { usage.assume_init() };
    let user = Duration::new(usage.ru_utime.tv_sec as u64, usage.ru_utime.tv_usec as u32 * 1000);
    Ok((pid != 0).then_some(Ended { pid, status, user, most_resident: usage.ru_maxrss }))
}

/// waitpid(2) for whichever child has ended, or ends next
pub fn wait_any() -> io::Result<i32> {
    // SAFETY: a null status is not written to.
    check(unsafe { libc::waitpid(-1, ptr::null_mut(), 0) })
}

/// Lets the parent trace this process, and stops: ptrace(2).
pub fn stop_for_tracer() {
    // SAFETY: PTRACE_TRACEME takes no pointer that is looked at.
    unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, ptr::null_mut::<u8>(), ptr::null_mut::<u8>()) };
    // SAFETY: takes an integer.
    unsafe { libc::raise(libc::SIGSTOP) };
}

/// `PR_SET_CHILD_SUBREAPER` of prctl(2).
pub fn become_subreaper() -> io::Result<()> {
    // SAFETY: takes integers only.
    check(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1 as c_long) }).map(drop)
}

/// Lets a signal be ignored from now on.
pub fn ignore(signal: i32) -> io::Result<()> {
    // SAFETY: SIG_IGN is not a function that could be called.
    let before = unsafe { libc::signal(signal, libc::SIG_IGN) };
    if before == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn set_of(signals: &[i32]) -> libc::sigset_t {
    // SAFETY: all zeroes is an empty set on Linux.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    for signal in signals {
        // SAFETY: `set` is a set.
        unsafe { libc::sigaddset(&raw mut set, *signal) };
    }
    set
}

/// Blocks these too: sigprocmask(2).
pub fn block(signals: &[i32]) -> io::Result<()> {
    let set = set_of(signals);
    // SAFETY: the set is read during the call; null: the old one is not wanted.
    check(unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) }).map(drop)
}

/// Takes one of these, which are blocked, after waiting for it: sigwaitinfo(2).
pub fn take(signals: &[i32]) -> io::Result<i32> {
    let set = set_of(signals);
    loop {
        // SAFETY: the set is read during the call; null: no siginfo is wanted.
        match check(unsafe { libc::sigwaitinfo(&raw const set, ptr::null_mut()) }) {
            // After SIGSTOP and SIGCONT.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// A descriptor from which these, which are blocked, could be read: signalfd(2). It stays open.
pub fn signalfd(signals: &[i32]) -> io::Result<i32> {
    let set = set_of(signals);
    // SAFETY: the set is read during the call.
    check(unsafe { libc::signalfd(-1, &raw const set, 0) })
}

/// Reads address 0.
pub fn fault() {
    // SAFETY: it is not sound, and the kernel answers with SIGSEGV: that is what it is for.
    unsafe { ptr::null::<u8>().read_volatile() };
}

/// Executes what is no instruction.
pub fn illegal_instruction() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the processor refuses it, and the kernel answers with SIGILL: that is what it is for.
    unsafe {
        std::arch::asm!("ud2");
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        std::arch::asm!("udf #0");
    }
}

/// abort(3)
pub fn abort() {
    // SAFETY: takes no argument and does not return.
    unsafe { libc::abort() }
}
