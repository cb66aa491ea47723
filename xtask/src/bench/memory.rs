//! What boxes take of the memory, in three ways: each sees something that the others do not.

use std::fs;
use std::path::Path;

use crate::failure::{Context, Failure, Result};

/// `MemAvailable`, in KiB.
pub fn available() -> Result<i64> {
    let file = Path::new("/proc/meminfo");
    let text = fs::read_to_string(file).doing("read", file)?;
    let value = text.lines().find_map(|line| {
        line.strip_prefix("MemAvailable:")?.split_whitespace().next()?.parse().ok()
    });
    value.ok_or_else(|| Failure::failed("/proc/meminfo has no MemAvailable"))
}

/// Pss of the processes that run this program or the boxes' command, in KiB.
pub fn pss_of(program: &Path) -> Result<u64> {
    let proc = Path::new("/proc");
    let is_theirs = |dir: &Path| {
        let exe = fs::read_link(dir.join("exe")).unwrap_or_default();
        exe == program || exe.ends_with("bin/hold")
    };
    let pss = |dir: &Path| -> Option<u64> {
        let text = fs::read_to_string(dir.join("smaps_rollup")).ok()?;
        text.lines()
            .find_map(|line| line.strip_prefix("Pss:")?.split_whitespace().next()?.parse().ok())
    };
    let dirs =
        fs::read_dir(proc).doing("read directory", proc)?.flatten().map(|entry| entry.path());
    Ok(dirs.filter(|dir| is_theirs(dir)).filter_map(|dir| pss(&dir)).sum())
}

/// What is charged to the memory group of a process, in KiB.
pub fn charged_to(pid: u32) -> Option<u64> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let (dir, file) = group(&groups)?;
    let bytes = fs::read_to_string(Path::new(&dir).join(file)).ok()?;
    bytes.trim().parse::<u64>().ok().map(|bytes| bytes / 1024)
}

/// Directory and file, from `/proc/PID/cgroup`: `4:memory:/x` in v1, `0::/x` in v2.
fn group(groups: &str) -> Option<(String, &'static str)> {
    let v1 = groups.lines().find_map(|line| line.split_once(":memory:").map(|(_, path)| path));
    let v2 = || groups.lines().find_map(|line| line.strip_prefix("0::"));
    match v1 {
        Some(path) => Some((format!("/sys/fs/cgroup/memory{path}"), "memory.usage_in_bytes")),
        None => v2().map(|path| (format!("/sys/fs/cgroup{path}"), "memory.current")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_group_is_found_in_both_worlds() {
        let v1 = "5:pids:/x\n4:memory:/bxw-0\n0::/\n";
        let found = |text| group(text).map(|(dir, file)| format!("{dir}/{file}"));
        assert_eq!(found(v1).unwrap(), "/sys/fs/cgroup/memory/bxw-0/memory.usage_in_bytes");
        assert_eq!(found("0::/bxw-0\n").unwrap(), "/sys/fs/cgroup/bxw-0/memory.current");
        assert_eq!(found(""), None);
    }
}
