//! Memory that is shared, too.

use std::path::Path;

use clone_pid::beyond::probing;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, note, step};
use ground::text::{count, size};
use memory_oom::Memory;
use memory_oom::beyond::Kept;

use crate::load::cached;
use crate::stage::{Mounted, Stage, big_file, layer, layers, read_only};

pub const EXPERIMENT: Experiment = Experiment {
    name: "page-cache",
    title: "what one box has read from the base, the next finds in memory",
    level: Level::Deep,
    claims: &["C224"],
    needs: &[Need::Admin, Need::Clone3, Need::Overlay, Need::MemoryController],
    run,
};

const MIB: usize = 8;

fn run(findings: &mut Findings) -> Result<()> {
    step(format!(
        "Two overlays on one lower layer with a file of {MIB} MiB, which is not in memory"
    ));
    let stage = Stage::enter("cache")?;
    layer("l1", &[])?;
    big_file("l1/big", MIB)?;
    ["u2", "w2", "m2"].iter().try_for_each(|dir| layer(dir, &[]))?;
    let _first = Mounted::on("m", &layers(&["l1"]))?;
    let _second = Mounted::on("m2", &read_only(&["l1"]).upper("u2".into(), "w2".into()))?;
    let [one, two] = ["m/big", "m2/big"].map(|name| stage.at(name));
    muted(|| probing(&format!("cool-file {}", stage.at("l1/big").display()))?.start()?.output())?;
    let on_disk = cached(&two)? == 0;
    if !on_disk {
        note("this file system is memory: its pages cannot be dropped");
    }

    step("A box in a group of its own reads it through the first");
    let (a, b) = (Kept::memory("a")?, Kept::memory("b")?);
    let first = read_in(&a, &one)?;
    let shared = cached(&two)? as usize * 4096 >= MIB << 20;
    evidence("pages in memory, asked through the second", count(cached(&two)?));
    step("A box in another group reads it through the second");
    let second = read_in(&b, &two)?;
    let cheap = second < (MIB as u64) << 19;
    let paid = first >= (MIB as u64) << 20 || !on_disk;
    if shared && cheap && paid {
        conclude(
            "there is one file below, and one copy of its pages; who read first has paid for it",
        );
    }
    findings.holds("C224", shared && cheap && paid);
    Ok(())
}

/// What a group is charged for file pages after a box in it has read the file.
fn read_in(kept: &Kept, file: &Path) -> Result<u64> {
    let script = format!("read-file {}", file.display());
    muted(|| probing(&script)?.with(kept.member()).start()?.output())?;
    let memory = Memory::of(&kept.place()?)?;
    evidence("charged to the group for file pages, KiB", size(memory.file >> 10));
    Ok(memory.file)
}
