//! The kit's init and tini, started in the same way.

use std::process::{Command, Output};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::{Background, binary, eventually};

/// The programs that are run through the same tables. tini comes from the distribution.
pub const INITS: [&str; 2] = ["bxw-init", "tini"];

/// One of the two, by path.
pub fn program_of(init: &str) -> String {
    match init {
        "tini" => init.to_string(),
        ours => binary(ours).into_os_string().into_string().expect("the target directory is UTF-8"),
    }
}

/// An init as PID 1 of a new namespace.
pub fn as_pid_1(init: &str, args: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--kill-child", "--"]).arg(program_of(init)).args(args);
    command
}

/// Runs it to its end.
pub fn ended(init: &str, args: &[&str]) -> Output {
    as_pid_1(init, args).output().expect("unshare is there")
}

/// Starts it, and waits for the first line.
pub fn started(init: &str, args: &[&str], first: &str) -> Background {
    let mut running = Background::of(&mut as_pid_1(init, args));
    assert_eq!(running.line(), first, "{init} {args:?}");
    running
}

/// The children of a process, zombies included.
pub fn children(of: Pid) -> Vec<Pid> {
    let text = std::fs::read_to_string(format!("/proc/{of}/task/{of}/children"));
    let pids = text.unwrap_or_default();
    pids.split_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw).collect()
}

/// The only child of a process, after waiting for it.
pub fn child(of: Pid) -> Pid {
    eventually("it has a child", || children(of).first().copied())
}

/// Keeps this thread, and what it starts, on the first CPU that it may use.
pub fn pin_to_one_cpu() {
    let (this, mut one) = (Pid::from_raw(0), CpuSet::new());
    let all = sched_getaffinity(this).unwrap();
    let first = (0..CpuSet::count()).find(|cpu| all.is_set(*cpu) == Ok(true)).unwrap();
    one.set(first).unwrap();
    sched_setaffinity(this, &one).unwrap();
}
