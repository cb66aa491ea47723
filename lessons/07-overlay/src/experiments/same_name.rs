//! What hides what.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, step};

use crate::stage::{Mounted, Stage, content, layer, layers, list, write};

pub const EXPERIMENT: Experiment = Experiment {
    name: "same-name",
    title: "directories of one name are merged, of files with one name the uppermost is seen",
    level: Level::Core,
    claims: &["C128"],
    needs: &[Need::Admin, Need::Overlay],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("Two lower layers; both have a file `same` and a directory `d`");
    let _stage = Stage::enter("same")?;
    layer("l1", &[("same", "of l1"), ("d/x", "x of l1"), ("only1", "of l1")])?;
    layer("l2", &[("same", "of l2"), ("d/y", "y of l2")])?;
    let _mounted = Mounted::on("m", &layers(&["l1", "l2"]))?;
    let uppermost = content("m/same") == "of l2";
    let merged = list("m/d")? == ["x", "y"];
    let through = content("m/only1") == "of l1";
    if uppermost && merged && through {
        conclude(
            "a name is looked up from the top down; only directories are added to one another",
        );
    }

    step("A new file");
    write("m/new", "new")?;
    let in_upper = list("u")? == ["new"];
    let nowhere_else = list("l2")? == ["d/", "same"] && list("l1")? == ["d/", "only1", "same"];
    if in_upper && nowhere_else {
        conclude("it is in upper, and in no other layer");
    }
    findings.holds("C128", uppermost && merged && through && in_upper && nowhere_else);
    Ok(())
}
