//! Who is written to.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, step};

use crate::stage::{Mounted, Stage, layer, layers, list, tree, unlink, write};

pub const EXPERIMENT: Experiment = Experiment {
    name: "roles",
    title: "the lower layer is only read, the upper one takes every change, the merged tree is what is seen",
    level: Level::Core,
    claims: &["C125"],
    needs: &[Need::Admin, Need::Overlay],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("One lower layer with two files and a directory, an empty upper one");
    let _stage = Stage::enter("roles")?;
    layer("l1", &[("a", "lower a"), ("b", "lower b"), ("d/x", "lower x")])?;
    let before = tree("l1")?;
    let _mounted = Mounted::on("m", &layers(&["l1"]))?;
    list("m")?;
    let empty = list("u")?.is_empty();

    step("Through the merged tree a file is changed, one removed, one made");
    write("m/a", "changed")?;
    unlink("m/b")?;
    write("m/d/new", "new")?;
    let seen = list("m")? == ["a", "d/"] && list("m/d")? == ["new", "x"];
    list("u")?;
    let in_upper = list("u/d")? == ["new"];

    step("And the lower layer?");
    let same = tree("l1")? == before;
    if empty && seen && in_upper && same {
        conclude("every change is in upper, and the lower layer is byte for byte what it was");
    }
    findings.holds("C125", empty && seen && in_upper && same);
    Ok(())
}
