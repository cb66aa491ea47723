//! The system calls of the init, without the C library, and the memory in which the kernel passed the arguments.
#![allow(unsafe_code)]

use core::arch::asm;
use core::ffi::{CStr, c_char};
use core::ptr;

use crate::signal::Set;

macro_rules! numbers {
    ($($name:ident $x86_64:literal $aarch64:literal)*) => {
        #[cfg(target_arch = "x86_64")]
        mod number { $(pub const $name: usize = $x86_64;)* }
        #[cfg(target_arch = "aarch64")]
        mod number { $(pub const $name: usize = $aarch64;)* }
    };
}

numbers! {
    WRITE 1 64 RT_SIGACTION 13 134 RT_SIGPROCMASK 14 135 IOCTL 16 29 GETPID 39 172 CLONE 56 220 EXECVE 59 221 WAIT4 61 260
    KILL 62 129 SETPGID 109 154 GETPGID 121 155 RT_SIGTIMEDWAIT 128 137 PRCTL 157 167
}

/// Asks the kernel: syscall(2). An answer from -4095 to -1 is an errno.
///
/// # Safety
/// What the call does with its arguments must be sound.
unsafe fn syscall(number: usize, args: [usize; 4]) -> Result<usize, Errno> {
    let answer: isize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller's; `syscall` itself overwrites rcx and r11. The fifth argument, which clone has, is null.
    unsafe {
        asm!("syscall", inlateout("rax") number => answer, in("rdi") args[0], in("rsi") args[1], in("rdx") args[2],
            in("r10") args[3], in("r8") 0, out("rcx") _, out("r11") _, options(nostack));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the caller's. The fifth argument, which clone has, is null.
    unsafe {
        asm!("svc 0", in("x8") number, inlateout("x0") args[0] => answer, in("x1") args[1], in("x2") args[2],
            in("x3") args[3], in("x4") 0, options(nostack));
    }
    if (-4095..0).contains(&answer) { Err(Errno(-answer as i32)) } else { Ok(answer as usize) }
}

/// Why a system call failed: errno(3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub i32);

macro_rules! errnos {
    ($($name:ident $number:literal)*) => {
        #[allow(missing_docs)]
        impl Errno {
            $(pub const $name: Errno = Errno($number);)*

            /// `ENOENT`, if it is one that the init may well meet.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

errnos! {
    EPERM 1 ENOENT 2 ESRCH 3 EINTR 4 EIO 5 E2BIG 7 ENOEXEC 8 ECHILD 10 EAGAIN 11 ENOMEM 12 EACCES 13 ENOTDIR 20 EISDIR 21
    EINVAL 22 ENOTTY 25 ETXTBSY 26 ENAMETOOLONG 36 ELOOP 40
}

/// What became of a child: wait(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It ended by exit(3).
    Exited(u8),
    /// It was killed by this signal.
    Killed(i32),
    /// This signal stopped it.
    Stopped(i32),
}

/// What happens when a signal comes, as the kernel has it: handler, flags, restorer, mask.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Action([usize; 3], Set);

impl Action {
    /// `SIG_DFL`
    pub const DEFAULT: Action = Action([0; 3], 0);
}

/// Writes to a descriptor; what cannot be written is lost. See write(2).
pub fn write(fd: i32, bytes: &[u8]) {
    // SAFETY: the kernel reads `bytes.len()` bytes from `bytes`.
    let _ =
        unsafe { syscall(number::WRITE, [fd as usize, bytes.as_ptr() as usize, bytes.len(), 0]) };
}

/// fork(2), without what the C library does around it. The caller must have a single thread.
pub fn fork() -> Result<i32, Errno> {
    const SIGCHLD: usize = 17;
    // SAFETY: without CLONE_VM the child goes on with a copy of this memory and stack.
    unsafe { syscall(number::CLONE, [SIGCHLD, 0, 0, 0]) }.map(|pid| pid as i32)
}

/// Sets the mask of blocked signals and returns the one before: sigprocmask(2).
pub fn set_mask(set: Set) -> Result<Set, Errno> {
    const SIG_SETMASK: usize = 2;
    let mut before: Set = 0;
    let (new, old) = (&raw const set as usize, &raw mut before as usize);
    // SAFETY: the kernel reads one set and writes one, each of the size that the last argument says.
    unsafe { syscall(number::RT_SIGPROCMASK, [SIG_SETMASK, new, old, size_of::<Set>()]) }?;
    Ok(before)
}

/// Sets what happens when a signal comes and returns what was set before: sigaction(2).
pub fn set_action(signal: i32, action: &Action) -> Result<Action, Errno> {
    let mut before = Action::DEFAULT;
    let (new, old) = (&raw const *action as usize, &raw mut before as usize);
    // SAFETY: the kernel reads and writes one `struct sigaction` each, which is the layout of `Action`. A handler other
    // than SIG_DFL and SIG_IGN comes from this very call.
    unsafe { syscall(number::RT_SIGACTION, [signal as usize, new, old, size_of::<Set>()]) }?;
    Ok(before)
}

/// Takes the next pending signal of a blocked set, after waiting for it: sigtimedwait(2).
pub fn wait_for_signal(set: Set) -> i32 {
    let set = &raw const set as usize;
    loop {
        // SAFETY: the kernel reads one set; null for the other two: no siginfo is wanted, and no end of the wait.
        let taken = unsafe { syscall(number::RT_SIGTIMEDWAIT, [set, 0, 0, size_of::<Set>()]) };
        // It fails only with EINTR: after SIGSTOP and SIGCONT.
        if let Ok(signal) = taken {
            return signal as i32;
        }
    }
}

/// The next child that has ended or stopped, if there is one now: wait4(2).
pub fn reap_any() -> Result<Option<(i32, Change)>, Errno> {
    const WNOHANG: usize = 1;
    const WUNTRACED: usize = 2;
    let mut status: i32 = 0;
    let (any, at) = (-1_isize as usize, &raw mut status as usize);
    // SAFETY: the kernel writes one int to `status`; null: no resource use is wanted.
    let pid = unsafe { syscall(number::WAIT4, [any, at, WNOHANG | WUNTRACED, 0]) }? as i32;
    let change = match (status & 0x7f, status >> 8 & 0xff) {
        (0, code) => Change::Exited(code as u8),
        (0x7f, signal) => Change::Stopped(signal),
        (signal, _) => Change::Killed(signal),
    };
    Ok((pid != 0).then_some((pid, change)))
}

/// kill(2)
pub fn kill(pid: i32, signal: i32) -> Result<(), Errno> {
    // SAFETY: two integers.
    unsafe { syscall(number::KILL, [pid as usize, signal as usize, 0, 0]) }.map(drop)
}

/// getpid(2)
pub fn own_pid() -> i32 {
    // SAFETY: no argument.
    unsafe { syscall(number::GETPID, [0; 4]) }.map_or(0, |pid| pid as i32)
}

/// The number of the caller's process group, 0 where that is of another PID namespace: getpgid(2)
pub fn own_group() -> i32 {
    // SAFETY: one integer.
    unsafe { syscall(number::GETPGID, [0; 4]) }.map_or(0, |group| group as i32)
}

/// Makes the caller the leader of a new process group: setpgid(2)
pub fn set_own_group() -> Result<(), Errno> {
    // SAFETY: two integers.
    unsafe { syscall(number::SETPGID, [0; 4]) }.map(drop)
}

/// The foreground process group of the terminal on standard input: tcgetpgrp(3)
pub fn foreground_group() -> Result<i32, Errno> {
    const TIOCGPGRP: usize = 0x540f;
    let mut group: i32 = 0;
    // SAFETY: the kernel writes one int to `group`.
    unsafe { syscall(number::IOCTL, [0, TIOCGPGRP, &raw mut group as usize, 0]) }?;
    Ok(group)
}

/// Sets it: tcsetpgrp(3)
pub fn set_foreground_group(group: i32) -> Result<(), Errno> {
    const TIOCSPGRP: usize = 0x5410;
    // SAFETY: the kernel reads one int from `group`.
    unsafe { syscall(number::IOCTL, [0, TIOCSPGRP, &raw const group as usize, 0]) }.map(drop)
}

/// `PR_SET_PDEATHSIG` of prctl(2)
pub fn set_parent_death_signal(signal: i32) -> Result<(), Errno> {
    const PR_SET_PDEATHSIG: usize = 1;
    // SAFETY: two integers.
    unsafe { syscall(number::PRCTL, [PR_SET_PDEATHSIG, signal as usize, 0, 0]) }.map(drop)
}

/// `PR_SET_CHILD_SUBREAPER` of prctl(2)
pub fn set_subreaper() -> Result<(), Errno> {
    const PR_SET_CHILD_SUBREAPER: usize = 36;
    // SAFETY: two integers.
    unsafe { syscall(number::PRCTL, [PR_SET_CHILD_SUBREAPER, 1, 0, 0]) }.map(drop)
}

/// `PR_GET_CHILD_SUBREAPER` of prctl(2)
pub fn is_subreaper() -> bool {
    const PR_GET_CHILD_SUBREAPER: usize = 37;
    let mut is: i32 = 0;
    // SAFETY: the kernel writes one int to `is`.
    let asked =
        unsafe { syscall(number::PRCTL, [PR_GET_CHILD_SUBREAPER, &raw mut is as usize, 0, 0]) };
    asked.is_ok() && is == 1
}

/// execve(2). Returns only when it failed.
pub fn execve(path: &CStr, argv: Words, envp: Words) -> Errno {
    let pointers = [path.as_ptr() as usize, argv.0 as usize, envp.0 as usize, 0];
    // SAFETY: a C string, and two lists of C strings that end with null; the kernel copies them before this memory goes.
    unsafe { syscall(number::EXECVE, pointers) }.err().unwrap_or(Errno(0))
}

/// A list of C strings that ends with a null pointer, as execve(2) passes arguments and environment. Whoever makes one
/// promises that it is never freed.
#[derive(Clone, Copy)]
pub struct Words(*mut *const c_char);

impl Words {
    /// # Safety
    /// `list` must point to pointers to C strings, the last of them null, which nobody else changes or frees. In front of
    /// the first word that is executed there must be one more.
    pub unsafe fn new(list: *mut *const c_char) -> Words {
        Words(list)
    }

    /// The word at an index that is not beyond the end by more than one.
    pub fn get(self, index: usize) -> Option<&'static CStr> {
        // SAFETY: callers ask in order, and stop at the null pointer.
        let word = unsafe { self.0.add(index) };
        // SAFETY: so it is an element of the list, or its end.
        let word = unsafe { word.read() };
        // SAFETY: a pointer of the list that is not null points to a C string that is never freed.
        (!word.is_null()).then(|| unsafe { CStr::from_ptr(word) })
    }

    /// The list from a word on that is there.
    pub fn from(self, index: usize) -> Words {
        // SAFETY: callers have seen the word at that index.
        Words(unsafe { self.0.add(index) })
    }

    /// `COMMAND -- ARGS`, as tini's usage has it, is `COMMAND ARGS`.
    pub(crate) fn without_dashes(self) -> Words {
        if self.get(0).is_some() && self.get(1) == Some(c"--") {
            let command = self.from(1);
            // SAFETY: both are elements of the list, as seen above, which is ours to change.
            unsafe { ptr::copy(self.0, command.0, 1) };
            return command;
        }
        self
    }

    /// `sh PATH ARGS` in place of `COMMAND ARGS`.
    pub(crate) fn as_script(self, path: &CStr) -> Words {
        // SAFETY: the command is the first element, and may be written as every element may; execve is the next thing that
        // happens, while `path` is still there.
        unsafe { self.0.write(path.as_ptr()) };
        // SAFETY: in front of it stands one more word, as `new` demands.
        let shell = unsafe { self.0.sub(1) };
        // SAFETY: so that one may be written too.
        unsafe { shell.write(c"sh".as_ptr()) };
        Words(shell)
    }

    /// A list that is never freed, as the kernel would pass it.
    #[cfg(test)]
    pub fn leaked(words: &[&str]) -> Words {
        let leak = |word: &&str| std::ffi::CString::new(*word).unwrap().into_raw().cast_const();
        let list: Vec<_> = words.iter().map(leak).chain([ptr::null()]).collect();
        Words(Box::leak(list.into_boxed_slice()).as_mut_ptr())
    }

    /// The value of `KEY=` in an environment.
    pub(crate) fn value(self, key: &[u8]) -> Option<&'static [u8]> {
        (0..).map_while(|i| self.get(i)).find_map(|entry| entry.to_bytes().strip_prefix(key))
    }
}
