//! What ten boxes take on the disk.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use ground::text::size;

use crate::stage::{Mounted, Stage, big_file, content, du, layer, read_only, write};

pub const EXPERIMENT: Experiment = Experiment {
    name: "shared-base",
    title: "ten overlays on one base: the base is there once",
    level: Level::Core,
    claims: &["C123"],
    needs: &[Need::Admin, Need::Overlay],
    run,
};

const BOXES: usize = 10;
const MIB: usize = 16;

fn run(findings: &mut Findings) -> Result<()> {
    step(format!("A base of {MIB} MiB, and {BOXES} overlays that have it as their lower layer"));
    let _stage = Stage::enter("shared")?;
    layer("l1", &[("etc/name", "base")])?;
    big_file("l1/big", MIB)?;
    let base = du("l1")?;
    let mounted: Vec<_> = muted(|| (0..BOXES).map(overlay_of).collect::<Result<_>>())?;
    evidence("overlays mounted", mounted.len());

    step("Each writes its own number to a file that all of them have from the base");
    let numbers = 0..BOXES;
    muted(|| numbers.clone().try_for_each(|i| write(&format!("m{i}/etc/name"), &i.to_string())))?;
    let own = content("m0/etc/name") == "0" && content("m9/etc/name") == "9";
    let kept = content("l1/etc/name") == "base";

    step("What does that take on the disk?");
    let first = du("u0")?;
    let all = muted(|| numbers.map(|i| du(&format!("u{i}"))).sum::<Result<u64>>())?;
    evidence("du u0 … u9", format!("{} KiB", size(all >> 10)));
    let shared = all < base / 10 && first > 0;
    if own && kept && shared {
        conclude("the base is there once, however many use it; a box costs what it changes");
    }
    findings.holds("C123", own && kept && shared);
    Ok(())
}

fn overlay_of(number: usize) -> Result<Mounted> {
    let [upper, work, merged] = ["u", "w", "m"].map(|word| format!("{word}{number}"));
    [&upper, &work, &merged].into_iter().try_for_each(|dir| layer(dir, &[]))?;
    Mounted::on(&merged, &read_only(&["l1"]).upper(upper.into(), work.into()))
}
