//! System calls, counted by strace.

use std::process::{Command, Stdio};

use super::runtimes::{Kind, Runtime, Stage};
use crate::failure::{Failure, Result};

/// What the floor must ask of the kernel, under any of these names, and how often at least: a floor that leaves something
/// out would flatter nobody but itself. Masks and groups differ from kernel to kernel, so mounts and removals do.
const FLOOR: [(&[&str], u32); 18] = [
    (&["clone3"], 1),
    (&["unshare"], 1),
    (&["sethostname"], 1),
    (&["mount"], 16),
    (&["mkdir", "mkdirat"], 4),
    (&["mknod", "mknodat"], 6),
    (&["symlink", "symlinkat"], 5),
    (&["pivot_root"], 1),
    (&["umount2"], 1),
    (&["prctl"], 60),
    (&["setgroups"], 1),
    (&["setresgid"], 1),
    (&["setresuid"], 1),
    (&["capset"], 1),
    (&["write"], 3),
    (&["execve"], 2),
    (&["wait4", "waitid"], 1),
    (&["rmdir"], 1),
];

/// Of one start, all processes together; `None` without strace.
pub fn system_calls(stage: &Stage) -> Result<Option<Vec<u32>>> {
    if Command::new("strace").arg("-V").output().is_err() {
        return Ok(None);
    }
    stage.runtimes.iter().map(|runtime| count(stage, runtime)).collect::<Result<_>>().map(Some)
}

fn count(stage: &Stage, runtime: &Runtime) -> Result<u32> {
    let traced = stage.run(runtime, 0)?;
    let mut strace = Command::new("strace");
    strace.args(["-f", "-c", "-U", "calls,name"]).arg(traced.get_program()).args(traced.get_args());
    strace.env("container", stage.home.name());
    let output = strace.stdin(Stdio::null()).output();
    let output = output.map_err(|error| Failure::unusable(format!("start strace: {error}")))?;
    let table = String::from_utf8_lossy(&output.stderr);
    if runtime.kind == Kind::Floor {
        complete(&table).map_err(Failure::failed)?;
    }
    match calls(&table, &["total"]) {
        0 => Err(Failure::failed(format!("{}: strace printed no total", runtime.name))),
        total => Ok(total),
    }
}

/// The sum of the lines with one of these names: `   12 mount`.
fn calls(table: &str, names: &[&str]) -> u32 {
    let of = |line: &str| -> Option<u32> {
        let (count, name) = line.trim().split_once(' ')?;
        count.parse().ok().filter(|_| names.contains(&name.trim()))
    };
    table.lines().filter_map(of).sum()
}

/// Checks the floor against its own strace.
fn complete(table: &str) -> std::result::Result<(), String> {
    let lacks = |(names, least): &&(&[&str], u32)| calls(table, names) < *least;
    match FLOOR.iter().find(lacks) {
        None => Ok(()),
        Some((names, least)) => Err(format!(
            "floor.c is no floor: strace counts {} of {}, and it should make {least} at least",
            calls(table, names),
            names[0]
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_that_leaves_something_out_is_none() {
        let line = |(names, least): &(&[&str], u32)| format!("{least:9} {}\n", names[0]);
        let table: String = FLOOR.iter().map(line).collect();
        assert_eq!(complete(&table), Ok(()));
        let without = table.replace("capset", "capget");
        assert!(complete(&without).unwrap_err().contains("0 of capset"));
        assert_eq!(calls("   12 mount\n    3 mknodat\n---\n   15 total\n", &["total"]), 15);
    }
}
