//! Usage that is not use.

use ground::Result;
use ground::host::disk::Disk;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, muted, step};
use memory_oom::beyond::Kept;

use crate::stage::{Charge, hold_in, limited, run_in, tell_charges, tell_events};

pub const EXPERIMENT: Experiment = Experiment {
    name: "first-toucher",
    title: "usage includes cache that nobody needs, charged to whoever touched it first",
    level: Level::Deep,
    claims: &["C104"],
    needs: &[Need::Admin, Need::Clone3, Need::MemoryController, Need::LoopDevice],
    run,
};

const MIB: u64 = 1 << 20;

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "A disk with 64 MiB, of which nothing is in memory, and a group with 24 MiB that reads all of it",
    );
    let disk = Disk::make("disk", 64)?;
    let at = disk.path().display().to_string();
    let kept = limited("reader", 24)?;
    let place = kept.place()?;
    run_in(&kept, &format!("read-file {at}"))?;
    let full = tell_charges(&place, &[Charge::Anon, Charge::File])?;
    step("The group is at its limit. Take 16 MiB of anonymous memory in it");
    let running = hold_in(&kept, "eat-anon 16; hold")?;
    let after = tell_charges(&place, &[Charge::Anon, Charge::File])?;
    let events = tell_events(&place)?;
    muted(|| running.kill())?;
    let counted = after.anon > 15 * MIB && after.usage >= after.anon;
    let harmless = full.usage > 20 * MIB && full.anon < MIB && events.kills == 0;
    if counted && harmless {
        conclude(
            "at the limit, and nobody was killed: the cache made room. Usage at the limit says nothing of an OOM kill to come",
        );
    }

    step("Take the disk out of memory again. Two groups read it, one after the other");
    let (first, second) = (Kept::memory("first")?, Kept::memory("second")?);
    run_in(&first, &format!("cool-file {at}; read-file {at}"))?;
    run_in(&second, &format!("read-file {at}"))?;
    let a = tell_charges(&first.place()?, &[Charge::File])?;
    let b = tell_charges(&second.place()?, &[Charge::File])?;
    let to_the_first = a.file > 55 * MIB && b.file < 8 * MIB;
    if to_the_first {
        conclude(
            "a page is charged once, to the group that brought it in; who reads it later reads for nothing",
        );
    }
    findings.because("it includes page cache that can be dropped, charged to the group that first brought the page in");
    findings.partly("C104", counted, harmless && to_the_first);
    Ok(())
}
