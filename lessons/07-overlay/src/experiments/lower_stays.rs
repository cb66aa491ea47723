//! Whether a box can change its image.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, step};

use crate::stage::{Mounted, Stage, content, layer, layers, read_only, tree, write};

pub const EXPERIMENT: Experiment = Experiment {
    name: "lower-stays",
    title: "a change in one box does not reach the lower file, nor another box on it",
    level: Level::Deep,
    claims: &["C131"],
    needs: &[Need::Admin, Need::Overlay],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("Two overlays on one lower layer");
    let _stage = Stage::enter("stays")?;
    layer("l1", &[("a", "lower a")])?;
    ["ub", "wb", "mb"].iter().try_for_each(|dir| layer(dir, &[]))?;
    let before = tree("l1")?;
    let _a = Mounted::on("m", &layers(&["l1"]))?;
    let _b = Mounted::on("mb", &read_only(&["l1"]).upper("ub".into(), "wb".into()))?;
    step("The first one writes");
    write("m/a", "A")?;
    let seen = content("m/a") == "A";
    let other = content("mb/a");
    let reached = other != "lower a" || tree("l1")? != before;
    if seen && !reached {
        conclude("the change took effect on a copy, in the layer of the one that made it");
    }
    findings.because("a lower layer is never written to");
    findings.holds("C131", reached);
    Ok(())
}
