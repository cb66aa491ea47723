//! At the limit, and nobody dies.

use ground::host::disk::Disk;
use ground::lesson::{Experiment, Findings, Level};
use ground::story::{conclude, evidence, muted, step};
use ground::{Error, Result};
use memory_oom::beyond::Kept;
use memory_oom::{Memory, USAGE};

use super::swap_load::{about, hold};
use crate::stage::{WITH_DISK, limited, on_v2};

pub const EXPERIMENT: Experiment = Experiment {
    name: "page-cache",
    title: "reading and writing files fills a group to its limit, and makes room when a process needs memory",
    level: Level::Core,
    claims: &["C107", "C108"],
    needs: WITH_DISK,
    run,
};

const MIB: u64 = 40;
const DISK: u64 = 80;
const WRITTEN: u64 = 48;
const NEEDED: u64 = 30;

fn run(findings: &mut Findings) -> Result<()> {
    step(format!("A disk of {DISK} MiB, and a group of {MIB}"));
    let disk = Disk::make("disk", DISK)?;
    let at = disk.path().display();
    let kept = limited("a", MIB)?;

    step(format!("A box writes {WRITTEN} MiB to the disk, then reads all of it"));
    let full = load(&kept, &format!("write-file {at} {WRITTEN}; read-file {at}; hold"))?;
    if full.usage < (MIB << 20) * 9 / 10 {
        return Err(Error::environment("the box did not come to its limit"));
    }
    let cached = full.file > full.usage * 3 / 4 && full.kills == 0;
    if cached {
        conclude(
            "what was read and written stays in the page cache, charged to whoever brought it there, up to the limit",
        );
    }

    step(format!("In the full group another box needs {NEEDED} MiB for itself"));
    let after = load(&kept, &format!("eat-anon {NEEDED}; hold"))?;
    let reclaimed = after.anon >= NEEDED << 20 && after.file < full.file / 2 && after.kills == 0;
    if reclaimed {
        conclude("at the limit the kernel first takes back what is on a disk as well");
    }
    let anon_is_high = full.anon > full.usage / 2;
    findings.because("what fills the group is memory.stat[cache], in version 2 file; rss is low");
    findings.holds("C107", cached && anon_is_high);
    findings.holds("C108", reclaimed);
    Ok(())
}

fn load(kept: &Kept, script: &str) -> Result<Memory> {
    let (running, _) = hold(kept, script)?;
    let place = kept.place()?;
    let memory = Memory::of(&place)?;
    let [file, anon] = if on_v2() { ["file", "anon"] } else { ["cache", "rss"] };
    evidence(place.shown(USAGE.of(&place)), about(memory.usage, 10));
    evidence(format!("memory.stat, {file}"), about(memory.file, 10));
    evidence(format!("memory.stat, {anon}"), about(memory.anon, 10));
    evidence("processes killed", memory.kills);
    muted(|| running.kill())?;
    Ok(memory)
}
