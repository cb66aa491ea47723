//! Whole pages.

use cgroup_cpu::write;
use ground::Result;
use ground::cgroup::Place;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, step};
use memory_oom::LIMIT;
use memory_oom::beyond::Kept;
use nix::errno::Errno;
use nix::unistd::{SysconfVar, sysconf};

pub const EXPERIMENT: Experiment = Experiment {
    name: "rounding",
    title: "a limit is rounded down to whole pages",
    level: Level::Deep,
    claims: &["C097"],
    needs: &[Need::Admin, Need::Clone3, Need::MemoryController],
    run,
};

const NOTE: (Errno, &str) = (Errno::EINVAL, "a number, and K, M or G behind it");

fn run(findings: &mut Findings) -> Result<()> {
    step("Write sizes into the limit of a group in which nobody is, and read each back");
    let kept = Kept::memory("rounded")?;
    let place = kept.place()?;
    let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or(4096) as u64;
    evidence("getconf PAGESIZE", page);
    let sizes = [
        ("4000000", 4_000_000),
        ("4M", 4 << 20),
        ("4194303", (4 << 20) - 1),
        ("4K", 4 << 10),
        ("4097", 4097),
        ("1", 1),
    ];
    let mut whole = true;
    for (word, bytes) in sizes {
        whole &= written(&place, word)? == bytes / page * page;
    }
    if whole {
        conclude(
            "what does not fill a page is dropped: 4000000 bytes are 976 pages and a half, and 3997696 is what is left",
        );
    }
    step("A decimal");
    let refused = write(&place, LIMIT.of(&place), "3.9M", NOTE).is_err();
    if refused {
        conclude("the kernel takes whole numbers only: 1.5g is Docker's, and ours, to multiply");
    }
    findings.because("rounded down to whole pages");
    findings.holds("C097", whole);
    Ok(())
}

fn written(place: &Place, word: &str) -> Result<u64> {
    let file = LIMIT.of(place);
    write(place, file, word, NOTE)?;
    let got = place.number(file)?;
    evidence(place.shown(file), got);
    Ok(got)
}
