//! Loads in a group, watched from outside: what several experiments of this directory share.

use clone_pid::Running;
use ground::Result;
use ground::cgroup::{Place, Version};
use ground::needs::Need;
use ground::proc::Process;
use ground::story::muted;
use memory_oom::beyond::Kept;

use crate::stage::{WITH_DISK, boxed, until};

/// A disk of our own to swap to, and a group that counts what is there.
pub const NEEDS: [Need; 6] = Need::and(WITH_DISK, &[Need::Swap]);

/// Starts a script in a group and waits until it holds what it has taken; `false` when it was killed before.
pub fn hold(kept: &Kept, script: &str) -> Result<(Running, bool)> {
    let mut running = muted(|| boxed(script)?.with(kept.member()).start())?;
    let alive = until(&mut running, "ready")?.is_some();
    Ok((running, alive))
}

/// Bytes, told so coarsely that they are the same in every run: to the nearest multiple of `step` MiB.
pub fn about(bytes: u64, step: u64) -> String {
    format!("about {} MiB", nearest(bytes, step))
}

/// MiB, to the nearest multiple of `step`.
pub fn nearest(bytes: u64, step: u64) -> u64 {
    (bytes + (step << 19)) / (step << 20) * step
}

/// A line of `/proc/PID/status` that is in KiB, in bytes.
pub fn status_of(process: &Process, key: &str) -> Result<u64> {
    let status = process.read("status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kib.unwrap_or(0) << 10)
}

/// How many bytes of a group are swapped out.
pub fn swapped(place: &Place) -> Result<u64> {
    if place.version == Version::V2 {
        return place.number("memory.swap.current");
    }
    let stat = place.read("memory.stat")?;
    let line = stat.lines().find_map(|line| line.strip_prefix("total_swap "));
    Ok(line.and_then(|bytes| bytes.parse().ok()).unwrap_or(0))
}
