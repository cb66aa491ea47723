//! Editing an image that is in use.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, step};

use crate::stage::{Mounted, Stage, content, layer, layers, read_only, write};

pub const EXPERIMENT: Experiment = Experiment {
    name: "underneath",
    title: "what is changed in a lower layer itself is seen above, until it is copied",
    level: Level::Deep,
    claims: &["C223"],
    needs: &[Need::Admin, Need::Overlay],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("Two overlays on one lower layer; the first has changed a file");
    let _stage = Stage::enter("underneath")?;
    layer("l1", &[("a", "lower a"), ("b", "lower b")])?;
    ["u2", "w2", "m2"].iter().try_for_each(|dir| layer(dir, &[]))?;
    let _first = Mounted::on("m", &layers(&["l1"]))?;
    let _second = Mounted::on("m2", &read_only(&["l1"]).upper("u2".into(), "w2".into()))?;
    write("m/a", "of the first")?;

    step("Somebody writes to both files of the lower layer, behind the back of overlayfs");
    write("l1/a", "security fix")?;
    write("l1/b", "security fix")?;
    let seen = content("m2/a") == "security fix" && content("m/b") == "security fix";
    let not_seen = content("m/a") == "of the first";
    if seen && not_seen {
        conclude(
            "who has a copy keeps it. The kernel promises nothing at all for such changes, so an image is replaced, never edited",
        );
    }
    findings.because("a file that was copied up has no tie to the lower one any more");
    findings.partly("C223", seen, not_seen);
    Ok(())
}
