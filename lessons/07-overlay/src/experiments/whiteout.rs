//! How one removes what cannot be written.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, step};

use crate::stage::{
    Mounted, Stage, content, is_whiteout, layer, layers, list, mkdir, note_of, remove_tree, unlink,
    write,
};

pub const EXPERIMENT: Experiment = Experiment {
    name: "whiteout",
    title: "what is removed is hidden, and only what there is to hide",
    level: Level::Core,
    claims: &["C129"],
    needs: &[Need::Admin, Need::Overlay],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("A name that a lower layer has is removed");
    let _stage = Stage::enter("whiteout")?;
    layer("l1", &[("a", "of l1"), ("d/x", "x of l1"), ("d/y", "y of l1")])?;
    let _mounted = Mounted::on("m", &layers(&["l1"]))?;
    unlink("m/a")?;
    let gone = list("m")? == ["d/"];
    let hidden = is_whiteout("u/a")? && content("l1/a") == "of l1";
    if gone && hidden {
        conclude("the lower file is where it was; a device 0:0 of its name hides it: a whiteout");
    }

    step("A name that only upper has");
    write("m/new", "new")?;
    unlink("m/new")?;
    let only_gone = list("u")? == ["a (character device 0:0)"];
    if only_gone {
        conclude("there is nothing to hide, so there is no whiteout: it is simply gone");
    }

    step("A merged directory is removed, and made again");
    remove_tree("m/d")?;
    is_whiteout("u/d")?;
    mkdir("m/d")?;
    let empty = list("m/d")?.is_empty();
    let opaque = note_of("u/d", "opaque")?.as_deref() == Some("y");
    if empty && opaque {
        conclude(
            "the new directory is opaque: what lower ones of its name hold does not show through",
        );
    }
    findings.because("a whiteout is made only if a lower layer has the name; a directory made again is marked opaque");
    findings.partly("C129", gone && hidden, only_gone && empty && opaque);
    Ok(())
}
