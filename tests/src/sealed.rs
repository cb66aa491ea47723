//! Boxes of lesson 08, and what the kernel says of them.

use std::process::Output;

use ground::needs::Need;
use ground::proc::Process;

use crate::{Background, lesson};

const L08: &str = "08-caps";
/// What such a box needs of the machine.
pub const BOX: [Need; 4] = [Need::Admin, Need::Clone3, Need::MountSetattr, Need::Seccomp];

/// `run FLAGS` with a probe verb as the command.
pub fn arguments<'a>(flags: &[&'a str], verb: &[&'a str]) -> Vec<&'a str> {
    [&["run", "--no-card", "--network", "none"], flags, &["/bin/probe"], verb].concat()
}

/// A box that goes on running, its command already executed.
pub fn running(flags: &[&str]) -> Background {
    let mut running = Background::start(L08, &arguments(flags, &["script", "pid; sleep 60"]));
    assert!(running.line().starts_with("pid "), "{flags:?}");
    running
}

/// What the probe prints in such a box; it has to succeed.
pub fn said(flags: &[&str], script: &str) -> String {
    let output = ended(flags, script);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{flags:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a script of the probe in such a box to its end.
pub fn ended(flags: &[&str], script: &str) -> Output {
    lesson(L08).args(arguments(flags, &["script", script])).output().unwrap()
}

/// A line of `/proc/PID/status`, its words separated by blanks.
pub fn line(process: &Process, key: &str) -> String {
    let status = process.read("status").unwrap();
    let found = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    found.unwrap_or("").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A capability set of `/proc/PID/status`.
pub fn set(process: &Process, key: &str) -> u64 {
    u64::from_str_radix(&line(process, key), 16).unwrap()
}
