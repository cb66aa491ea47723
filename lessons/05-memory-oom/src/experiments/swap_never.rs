//! Two groups, one swap.

use clone_pid::{Part, Running};
use ground::Result;
use ground::host::disk::Swap;
use ground::lesson::{Experiment, Findings, Level};
use ground::story::{conclude, evidence, muted, step};
use ground::text::{name, path};
use memory_oom::beyond::Kept;
use memory_oom::{Memory, MemoryLimit};
use std::fs;

use super::swap_load::NEEDS;
use crate::stage::{boxed, on_v2, until};

pub const EXPERIMENT: Experiment = Experiment {
    name: "swap-never",
    title: "two boxes at the same time: one swaps, the other may not",
    level: Level::Deep,
    claims: &["C119"],
    needs: &NEEDS,
    run,
};

const LIMIT: u64 = 32;
const TAKEN: u64 = 96;

fn run(findings: &mut Findings) -> Result<()> {
    let _swap = Swap::on(160)?;
    let global = fs::read_to_string("/proc/sys/vm/swappiness").unwrap_or_default();
    evidence("/proc/sys/vm/swappiness, for the whole host", name(global.trim()));
    step(match on_v2() {
        true => {
            "Two groups of the same size, one with memory.swap.max 0, one without a limit of swap"
        }
        false => "Two groups of the same size, one with memory.swappiness 0, one with 60",
    });
    let (never, swaps) = (Kept::memory("never")?, Kept::memory("swaps")?);
    let limit = MemoryLimit::mib(LIMIT).total(u64::MAX);
    let (first, second) = match on_v2() {
        true => (MemoryLimit::mib(LIMIT).without_swap(), limit),
        false => {
            let other = MemoryLimit::mib(LIMIT).total(u64::MAX);
            (limit.swappiness(0), other.swappiness(60))
        }
    };
    step(format!("In each a box takes {TAKEN} MiB, at the same time"));
    let first = start(&never, first)?;
    let second = start(&swaps, second)?;
    let (killed, lives) = (!outcome(&never, first)?, outcome(&swaps, second)?);
    if killed && lives {
        conclude(
            "what a group says goes before what the host says: both kinds can share one machine",
        );
    }
    findings.because(
        "in version 2 there is no swappiness of a group, and memory.swap.max 0 forbids swap",
    );
    findings.holds("C119", killed && lives);
    Ok(())
}

fn start(kept: &Kept, limit: MemoryLimit) -> Result<Running> {
    limit.of(&kept.group).prepare()?;
    let container = boxed(&format!("eat-anon {TAKEN}; hold"))?.with(kept.member());
    muted(|| container.start())
}

/// Whether it lives to tell.
fn outcome(kept: &Kept, mut running: Running) -> Result<bool> {
    let alive = until(&mut running, "ready")?.is_some();
    let place = kept.place()?;
    let kills = Memory::of(&place)?.kills;
    muted(|| running.kill())?;
    evidence(format!("{}, processes killed", path(place.dir.display())), kills);
    Ok(alive && kills == 0)
}
