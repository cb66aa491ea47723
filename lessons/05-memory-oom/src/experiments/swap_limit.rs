//! The limit that swap goes around.

use cgroup_cpu::write;
use clone_pid::Part;
use ground::Result;
use ground::cgroup::Version;
use ground::host::disk::Swap;
use ground::lesson::{Experiment, Findings, Level};
use ground::story::{conclude, evidence, muted, note, step};
use memory_oom::beyond::Kept;
use memory_oom::{MemoryLimit, PEAK};
use nix::errno::Errno;

use super::swap_load::{NEEDS, hold};

pub const EXPERIMENT: Experiment = Experiment {
    name: "swap-limit",
    title: "three times the limit with swap, and the second limit that closes the gap",
    level: Level::Deep,
    claims: &["C120"],
    needs: &NEEDS,
    run,
};

const LIMIT: u64 = 32;
const TOTAL: u64 = 64;

fn run(findings: &mut Findings) -> Result<()> {
    let _swap = Swap::on(160)?;
    step(format!("A group of {LIMIT} MiB and as much swap as there is: a box takes 96 MiB"));
    let escapes = fits(96, u64::MAX)?;
    step(format!("…of {LIMIT} MiB, and {TOTAL} together with swap: 96 MiB, then 50"));
    let (held, within) = (!fits(96, TOTAL << 20)?, fits(50, TOTAL << 20)?);
    let sane = order()?;
    if escapes && held && within {
        conclude(
            "the first limit is of memory alone, and it held; memory and swap together are limited by the second. Docker makes it twice the first",
        );
    }
    findings.because("memory stays below its limit, and a limit of swap closes the gap");
    findings.partly("C120", escapes, held && within && sane);
    Ok(())
}

/// Whether a box that takes so much lives to tell.
fn fits(mib: u64, total: u64) -> Result<bool> {
    let kept = muted(|| Kept::memory("a"))?;
    MemoryLimit::mib(LIMIT).total(total).of(&kept.group).prepare()?;
    let (running, alive) = hold(&kept, &format!("eat-anon {mib}; hold"))?;
    let place = kept.place()?;
    let held = place.number(PEAK.of(&place)).is_ok_and(|peak| peak <= LIMIT << 20);
    muted(|| running.kill())?;
    evidence(format!("{mib} MiB"), if alive { "done" } else { "killed by the OOM killer" });
    evidence(format!("{}, at most the limit", place.shown(PEAK.of(&place))), held);
    Ok(alive)
}

/// v1 limits memory and swap together, which cannot be less than memory; v2 limits swap alone.
fn order() -> Result<bool> {
    let kept = muted(|| Kept::memory("a"))?;
    let place = kept.place()?;
    if place.version == Version::V2 {
        note("version 2 limits swap alone, in memory.swap.max: no value of it is wrong");
        return Ok(true);
    }
    step("A limit of both together that is below that of memory");
    let never = (Errno::EINVAL, "memory and swap together cannot be less than memory");
    write(&place, "memory.limit_in_bytes", LIMIT << 20, never)?;
    let less = write(&place, "memory.memsw.limit_in_bytes", (LIMIT / 2) << 20, never);
    Ok(less.err().and_then(|e| e.errno()) == Some(Errno::EINVAL))
}
