//! Nobody writes to an image.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, step};
use nix::errno::Errno;

use crate::stage::{Mounted, Stage, layer, layers, read_only, tree, write};

pub const EXPERIMENT: Experiment = Experiment {
    name: "read-only",
    title: "an overlay without an upper layer cannot be written to",
    level: Level::Deep,
    claims: &["C061"],
    needs: &[Need::Admin, Need::Overlay],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("Two lower layers, and no upper one");
    let _stage = Stage::enter("read-only")?;
    layer("l1", &[("a", "of l1")])?;
    layer("l2", &[("b", "of l2")])?;
    let before = (tree("l1")?, tree("l2")?);
    let mounted = Mounted::on("m", &read_only(&["l1", "l2"]))?;
    let refused = write("m/a", "changed").err().and_then(|e| e.errno());
    let new = write("m/new", "new").err().and_then(|e| e.errno());
    drop(mounted);

    step("And with an upper one, after a box has written to everything");
    let _mounted = Mounted::on("m", &layers(&["l1", "l2"]))?;
    write("m/a", "changed")?;
    write("m/b", "changed")?;
    let same = (tree("l1")?, tree("l2")?) == before;
    let held = [refused, new] == [Some(Errno::EROFS); 2] && same;
    if held {
        conclude("a layer is read-only by being a lower one, whatever its own file system allows");
    }
    findings.holds("C061", held);
    Ok(())
}
