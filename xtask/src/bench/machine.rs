//! What a recording says of the machine it was made on.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::workspace;

/// Kernel, processors, memory, load, and the commit that was measured.
pub fn machine(v2: bool) -> Value {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let after = |text: &str, word: &str| {
        let line = text.lines().find(|line| line.starts_with(word)).unwrap_or_default();
        line.split_once(':').map_or(String::new(), |(_, value)| value.trim().to_owned())
    };
    let memory = after(&read("/proc/meminfo"), "MemTotal");
    let memory: u64 = memory.split(' ').next().and_then(|kib| kib.parse().ok()).unwrap_or(0);
    let load = read("/proc/loadavg");
    json!({
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "cpu": after(&read("/proc/cpuinfo"), "model name"),
        "cpus": std::thread::available_parallelism().map_or(0, usize::from),
        "memory_mib": memory / 1024,
        "cgroup": if v2 { "v2" } else { "v1" },
        "load": load.split(' ').next(),
        "commit": commit(),
    })
}

/// `1a2b3c4`, or `1a2b3c4-dirty`; nothing outside of a repository.
fn commit() -> Option<String> {
    let mut git = Command::new("git");
    git.arg("-C").arg(workspace::root()).args(["describe", "--always", "--dirty", "--exclude=*"]);
    said(&mut git)
}

/// This moment as `2026-01-31T23:59:59Z`, by date(1).
pub fn now() -> String {
    said(Command::new("date").args(["-u", "+%FT%TZ"])).unwrap_or_default()
}

fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
