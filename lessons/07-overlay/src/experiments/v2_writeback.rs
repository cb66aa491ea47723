//! Write-back with an owner.

use clone_pid::Part;
use ground::Result;
use ground::cgroup::Controller;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, step};
use memory_oom::MemoryLimit;
use overlay::Rate;

use crate::load::{LOADS, Load};

pub const EXPERIMENT: Experiment = Experiment {
    name: "v2-writeback",
    title: "version 2 knows whose a dirty page is: with a memory limit, buffered writes are slowed down",
    level: Level::Deep,
    claims: &["C140"],
    needs: &Need::and::<7>(LOADS, &[Need::MemoryV2, Need::Ext4]),
    run,
};

const RATE: u64 = 4 << 20;
const KIB: u64 = 32 << 10;
/// As memory.high: with memory.max the kernel may find nothing but dirty pages to reclaim, and kill.
const MEMORY: u64 = 40;

fn run(findings: &mut Findings) -> Result<()> {
    step("A group that may write 4 MiB in a second, and has all the memory it wants");
    let load = Load::with_file("v2", &[Controller::MEMORY])?;
    load.limit(Rate::WriteBytes, RATE)?;
    let free = load.run("write-buffered", KIB)?;
    load.flushed_by_another()?;
    let charged = load.written()? >= KIB << 10;
    if charged {
        conclude(
            "written back by somebody else, and still counted for the group whose pages they were",
        );
    }

    step(format!("The same, held to {MEMORY} MiB of memory"));
    load.cool()?;
    MemoryLimit::default().high(MEMORY << 20).of(&load.kept.group).prepare()?;
    let tight = load.run("write-buffered", KIB)?;
    // What may be dirty is a part of the group's memory; the rest must be on the disk before the next page can be had.
    let slowed = tight >= 3000 && tight > free;
    if slowed {
        conclude("the page cache is full of dirty pages, so write() goes at the pace of the disk");
    }
    findings.holds("C140", charged && slowed);
    Ok(())
}
