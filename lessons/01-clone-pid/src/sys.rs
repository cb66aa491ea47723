//! The one file of this crate with `unsafe`: system calls that nix does not wrap, or not as we need them.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::unistd::Pid;

/// `CLONE_INTO_CGROUP` of clone3(2). libc's constant has type `c_int`, in which the bit is lost.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// What a clone returns, on its two sides.
pub enum Cloned {
    /// In the caller: the child's PID and a descriptor that means this process for ever, see pidfd_open(2).
    Parent(Pid, OwnedFd),
    /// In the child.
    Child,
}

impl Cloned {
    /// The result as the host's story tells it. The child's copy of the storyteller stays silent.
    pub fn told(&self) -> Option<String> {
        match self {
            Cloned::Parent(child, _) => Some(ground::text::pid(child).to_string()),
            Cloned::Child => None,
        }
    }
}

/// clone3(2) in the manner of fork: the child goes on here, in new namespaces, with a copy of the memory. With `cgroup`, a
/// directory of cgroup v2, the child is born in that group.
///
/// The caller must have a single thread. Another one could hold the allocator's lock at this moment, and in the child's
/// copy nobody would ever release it; glibc's `fork` prepares for that, a raw system call does not.
pub fn clone3(flags: CloneFlags, cgroup: Option<BorrowedFd<'_>>) -> nix::Result<Cloned> {
    let mut pidfd: RawFd = -1;
    let into_cgroup = if cgroup.is_some() { CLONE_INTO_CGROUP } else { 0 };
    // A sibling tells its parent with the signal with which we tell ours; to name one is refused.
    let sibling = flags.contains(CloneFlags::CLONE_PARENT);
    let args = libc::clone_args {
        flags: flags.bits() as u32 as u64 | libc::CLONE_PIDFD as u64 | into_cgroup,
        pidfd: &raw mut pidfd as u64,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: if sibling { 0 } else { libc::SIGCHLD as u64 },
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: cgroup.map_or(0, |fd| fd.as_raw_fd() as u64),
    };
    // SAFETY: the kernel reads `args` during the call and, in the parent, writes one int to `pidfd`; both outlive it.
    // Without CLONE_VM and a stack of its own the child goes on with a copy of this stack, as after fork(2).
    let result = unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of_val(&args)) };
    match Errno::result(result)? {
        0 => Ok(Cloned::Child),
        pid => {
            // SAFETY: CLONE_PIDFD made the kernel open this descriptor for us, and nobody else knows it.
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            Ok(Cloned::Parent(Pid::from_raw(pid as i32), pidfd))
        }
    }
}

/// pidfd_open(2).
pub fn pidfd_open(pid: Pid) -> nix::Result<OwnedFd> {
    // SAFETY: no pointer is passed.
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) })?;
    // SAFETY: the kernel has just opened this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// pidfd_send_signal(2). The signal is a number, for real-time signals have no name.
pub fn pidfd_send_signal(pidfd: BorrowedFd<'_>, signal: i32) -> nix::Result<()> {
    let (call, fd) = (libc::SYS_pidfd_send_signal, pidfd.as_raw_fd());
    // SAFETY: a null siginfo asks the kernel to fill it in as kill(2) does.
    let result = unsafe { libc::syscall(call, fd, signal, ptr::null::<libc::siginfo_t>(), 0) };
    Errno::result(result).map(drop)
}

/// How a process ended: `Ok(status)` or `Err(signal)`. See waitid(2).
pub type End = Result<i32, i32>;

/// Reaps the child behind `pidfd`, after waiting for its end. nix's waitpid knows no real-time signals and would fail on
/// a child killed by one.
pub fn reap(pidfd: impl AsFd) -> nix::Result<End> {
    // SAFETY: siginfo_t is plain old data, for which zeroes are valid.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: the kernel writes one siginfo_t to `info`.
        let result = unsafe {
            libc::waitid(
                libc::P_PIDFD,
                pidfd.as_fd().as_raw_fd() as libc::id_t,
                &mut info,
                libc::WEXITED,
            )
        };
        match Errno::result(result) {
            Err(Errno::EINTR) => continue,
            other => other?,
        };
        // SAFETY: for SIGCHLD, which waitid fills in, si_status is the active field of the union.
        let status = unsafe { info.si_status() };
        return Ok(if info.si_code == libc::CLD_EXITED { Ok(status) } else { Err(status) });
    }
}

/// Marks every descriptor from `first` on close-on-exec, see close_range(2).
pub fn close_on_exec_from(first: u32) -> nix::Result<()> {
    let flags = libc::CLOSE_RANGE_CLOEXEC;
    // SAFETY: no pointer is passed, and no descriptor is closed: that is left to execve.
    Errno::result(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, flags) }).map(drop)
}

/// Gives a signal its default action, see sigaction(2).
pub fn default_action(signal: i32) -> nix::Result<()> {
    // SAFETY: SIG_DFL is not a function that could be called.
    let old = unsafe { libc::signal(signal, libc::SIG_DFL) };
    if old == libc::SIG_ERR { Err(Errno::last()) } else { Ok(()) }
}

/// execve(2). Returns only when it failed. Both lists of pointers end with a null and point into C strings.
pub fn execve(path: &CStr, argv: &[*const c_char], envp: &[*const c_char]) -> Errno {
    debug_assert!(
        argv.last().is_some_and(|p| p.is_null()) && envp.last().is_some_and(|p| p.is_null())
    );
    // SAFETY: the kernel copies the strings before it discards this memory; the lists end with null, as checked above.
    unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
    Errno::last()
}

/// Ends this process at once: no destructor, no flush of a buffer that belongs to the parent. See _exit(2).
pub fn exit_now(status: i32) -> ! {
    // SAFETY: _exit does not return and touches no memory.
    unsafe { libc::_exit(status) }
}
