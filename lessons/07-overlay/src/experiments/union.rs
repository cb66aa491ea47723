//! Which file is from which layer.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, step};

use crate::stage::{Mounted, Stage, content, layer, layers, picture, rename, unlink, write};

pub const EXPERIMENT: Experiment = Experiment {
    name: "union",
    title: "the merged tree is several directories, and each file has a layer that it is from",
    level: Level::Deep,
    claims: &["C121"],
    needs: &[Need::Admin, Need::Overlay],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("Three layers");
    let stage = Stage::enter("union")?;
    layer("l1", &[("a", "of l1"), ("b", "of l1"), ("d/x", "of l1")])?;
    layer("l2", &[("b", "of l2"), ("d/y", "of l2")])?;
    let _mounted = Mounted::on("m", &layers(&["l1", "l2"]))?;
    let all = picture(&stage, &["l1", "l2"])?;

    step("A write, a removal, a rename");
    write("m/a", "changed")?;
    unlink("m/b")?;
    let renamed = rename("m/d/y", "m/d/z").is_ok();
    let after = picture(&stage, &["l1", "l2"])?;
    let read =
        content("m/a") == "changed" && content("m/d/z") == "of l2" && content("m/d/x") == "of l1";
    let whiteouts = after.iter().filter(|row| row.contains("whiteout")).count();
    let held = renamed && read && all.len() == 6 && whiteouts == 2;
    if held {
        conclude(
            "reads reach the layer that has the file; writes reach upper; what is gone, or has another name, is hidden there",
        );
    }
    findings.holds("C121", held);
    Ok(())
}
