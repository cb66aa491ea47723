//! Renames that stop at the edge of a layer.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, step};
use nix::errno::Errno;

use crate::stage::{Mounted, Stage, content, layer, layers, list, note_of, read_only, rename};

pub const EXPERIMENT: Experiment = Experiment {
    name: "rename",
    title: "a directory of a lower layer cannot be renamed, unless the kernel may leave a note",
    level: Level::Deep,
    claims: &["C221"],
    needs: &[Need::InitialRoot, Need::Admin, Need::Overlay],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("A directory of a lower layer, on an overlay without redirect_dir");
    let _stage = Stage::enter("rename")?;
    layer("l1", &[("d/x", "of l1"), ("d/sub/y", "of l1"), ("f", "of l1")])?;
    let mounted = Mounted::on("m", &layers(&["l1"]).option(c"redirect_dir", "nofollow"))?;
    let file = rename("m/f", "m/g").is_ok() && content("u/g") == "of l1";
    let refused = rename("m/d", "m/e") == Err(Errno::EXDEV);
    if file && refused {
        conclude(
            "a file is copied up under its new name; for a directory that would mean all that is in it, so the kernel refuses, and mv copies",
        );
    }
    drop(mounted);

    step("With redirect_dir=on");
    ["u2", "w2"].iter().try_for_each(|dir| layer(dir, &[]))?;
    let redirecting = read_only(&["l1"]).upper("u2".into(), "w2".into());
    let _mounted = Mounted::on("m", &redirecting.option(c"redirect_dir", "on"))?;
    let renamed = rename("m/d", "m/e").is_ok() && content("m/e/sub/y") == "of l1";
    let noted = note_of("u2/e", "redirect")?.as_deref() == Some("d");
    list("u2")?;
    if renamed && noted {
        conclude(
            "upper has an empty directory with a note where its content is, and a whiteout for the old name",
        );
    }
    findings.because("a directory that a lower layer has gets EXDEV unless redirect_dir is on");
    findings.partly("C221", file && renamed && noted, refused);
    Ok(())
}
