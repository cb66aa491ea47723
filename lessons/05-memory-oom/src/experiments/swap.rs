//! Anonymous memory goes to disk.

use clone_pid::Part;
use ground::Result;
use ground::host::disk::Swap;
use ground::lesson::{Experiment, Findings, Level};
use ground::story::{conclude, evidence, muted, step};
use ground::text::size;
use memory_oom::beyond::Kept;
use memory_oom::{Memory, MemoryLimit};

use super::swap_load::{NEEDS, hold, status_of, swapped};

pub const EXPERIMENT: Experiment = Experiment {
    name: "swap",
    title: "three times the limit, because two thirds went to disk",
    level: Level::Deep,
    claims: &["C115"],
    needs: &NEEDS,
    run,
};

const LIMIT: u64 = 32;
const TAKEN: u64 = 96;
/// A little less than what cannot be in memory.
const ENOUGH: u64 = 60;

fn run(findings: &mut Findings) -> Result<()> {
    step("A disk of our own, and swapping to it");
    let swap = Swap::on(160)?;
    let before = swap.used();
    step(format!("A box in a group of {LIMIT} MiB writes to {TAKEN} MiB of memory without a file"));
    let kept = Kept::memory("a")?;
    MemoryLimit::mib(LIMIT).total(u64::MAX).of(&kept.group).prepare()?;
    let (running, alive) = hold(&kept, &format!("eat-anon {TAKEN}; hold"))?;
    let process = running.child().process();
    let resident = status_of(&process, "RssAnon")?;
    let on_disk = status_of(&process, "VmSwap")?;
    let place = kept.place()?;
    let (memory, of_group) = (Memory::of(&place)?, swapped(&place)?);
    let used = swap.used().saturating_sub(before) << 10;
    muted(|| running.kill())?;
    evidence(format!("{}, RssAnon", process.file("status")), against(resident, LIMIT));
    evidence(format!("{}, VmSwap", process.file("status")), against(on_disk, ENOUGH));
    let file = if crate::stage::on_v2() { "memory.swap.current" } else { "memory.stat, swap" };
    evidence(file, against(of_group, ENOUGH));
    evidence("/proc/swaps, Used", size(used));
    evidence("processes killed", memory.kills);
    let moved = [on_disk, of_group].iter().all(|bytes| *bytes > ENOUGH << 20);
    // Others may use it as well, and a page is counted a moment before it is on the disk.
    let used = used > ENOUGH << 19;
    if alive && moved {
        conclude(
            "pages without a file have nowhere to go but swap; with it they make room like pages of files",
        );
    }
    findings.holds("C115", alive && moved && used && resident <= LIMIT << 20);
    Ok(())
}

/// How much more is swapped than must be differs from run to run.
fn against(bytes: u64, mib: u64) -> String {
    format!("{} {mib} MiB", if bytes > mib << 20 { "more than" } else { "at most" })
}
