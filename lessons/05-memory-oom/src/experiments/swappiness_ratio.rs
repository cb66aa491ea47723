//! A weight, not a ratio.

use cgroup_cpu::write;
use clone_pid::Part;
use ground::Result;
use ground::cgroup::{Place, Version};
use ground::host::disk::{Disk, Swap};
use ground::lesson::{Experiment, Findings, Level};
use ground::story::{conclude, evidence, muted, step};
use memory_oom::beyond::Kept;
use memory_oom::{MemoryLimit, USAGE};
use nix::errno::Errno;

use super::swap_load::{NEEDS, hold, swapped};

pub const EXPERIMENT: Experiment = Experiment {
    name: "swappiness-ratio",
    title: "60 is no 60 of 200: pages of files that were read once go first, whatever the value",
    level: Level::Deep,
    claims: &["C117"],
    needs: &NEEDS,
    run,
};

const VALUES: [u64; 3] = [0, 60, 100];
const ANON: u64 = 24;
const DISK: u64 = 16;
/// How much is taken back.
const BACK: u64 = 8;
/// Nearly that, in bytes.
const ENOUGH: u64 = (BACK - 1) << 20;

fn run(findings: &mut Findings) -> Result<()> {
    let _swap = Swap::on(96)?;
    let disk = Disk::make("disk", DISK)?;
    let at = disk.path().display();
    let own = format!("eat-anon {ANON}");
    step(format!("A box has {ANON} MiB of its own. {BACK} MiB are taken back from its group"));
    let alone = measure(&format!("{own}; hold"))?;
    step(format!("…and it has read a disk of {DISK} MiB, too"));
    let beside_file = measure(&format!("{own}; cool-file {at}; read-file {at}; hold"))?;

    let decides = nothing(&alone[0]) && alone[1..].iter().all(|bytes| *bytes >= ENOUGH);
    let file_first = beside_file.iter().all(nothing);
    if decides && file_first {
        conclude(
            "at 0 nothing is swapped; at 60 and at 100 it is, but only where there is nothing cheaper to take: pages of a file that were read once",
        );
    }
    findings.because("a weight of I/O costs, not a ratio of pages: beside a file that was read once nothing is swapped at 60 nor at 100");
    findings.partly("C117", decides, file_first);
    Ok(())
}

fn nothing(bytes: &u64) -> bool {
    *bytes < 1 << 20
}

/// How much is swapped out at each of the values, in bytes.
fn measure(script: &str) -> Result<Vec<u64>> {
    let of = |value: &u64| {
        let bytes = muted(|| swapped_at(script, *value))?;
        let shown = match bytes {
            none if nothing(&none) => "nothing",
            enough if enough >= ENOUGH => "as much, or more",
            _ => "less",
        };
        evidence(format!("swapped out with swappiness {value}"), shown);
        Ok(bytes)
    };
    VALUES.iter().map(of).collect()
}

fn swapped_at(script: &str, value: u64) -> Result<u64> {
    let kept = Kept::memory("a")?;
    MemoryLimit::mib(2 * (ANON + DISK)).total(u64::MAX).of(&kept.group).prepare()?;
    let (running, _) = hold(&kept, script)?;
    let place = kept.place()?;
    take_back(&place, value)?;
    let bytes = swapped(&place)?;
    running.kill()?;
    Ok(bytes)
}

/// v1: a lower limit, under the group's swappiness. v2 has a file for that, which takes the swappiness as well. EBUSY and
/// EAGAIN say that not all of it could be had.
fn take_back(place: &Place, value: u64) -> Result<()> {
    let never = (Errno::EINVAL, "a number from 0 to 200");
    let written = match place.version {
        Version::V1 => {
            write(place, "memory.swappiness", value, never)?;
            let less = place.number(USAGE.of(place))?.saturating_sub(BACK << 20);
            write(place, "memory.limit_in_bytes", less, never)
        }
        Version::V2 => {
            write(place, "memory.reclaim", format!("{} swappiness={value}", BACK << 20), never)
        }
    };
    match written {
        Err(e) if matches!(e.errno(), Some(Errno::EBUSY | Errno::EAGAIN)) => Ok(()),
        other => other,
    }
}
