//! Names that were one file.

use std::fs;

use ground::Result;
use ground::call::quietly;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, step};
use ground::text::inode;

use crate::stage::{Mounted, Stage, content, identity, layer, layers, list, read_only, write};

pub const EXPERIMENT: Experiment = Experiment {
    name: "hard-links",
    title: "a copy-up breaks hard links, and may change the identity of a file",
    level: Level::Deep,
    claims: &["C222"],
    needs: &[Need::InitialRoot, Need::Admin, Need::Overlay],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("Two names of one file in a lower layer");
    let _stage = Stage::enter("links")?;
    layer("l1", &[("a", "one file")])?;
    quietly("link l1/a l1/b").run(|| fs::hard_link("l1/a", "l1/b"))?;
    let mounted = Mounted::on("m", &layers(&["l1"]).option(c"index", "off"))?;
    let before = tell_links("m/a", "m/b")?;
    write("m/a", "changed")?;
    let (a, b) = (content("m/a"), content("m/b"));
    let after = tell_links("m/a", "m/b")?;
    let broken = before && !after && a == "changed" && b == "one file";
    if broken {
        conclude("only the name that was written to was copied: now they are two files");
    }
    drop(mounted);

    step("With index=on");
    ["u2", "w2"].iter().try_for_each(|dir| layer(dir, &[]))?;
    let indexed = read_only(&["l1"]).upper("u2".into(), "w2".into());
    let _mounted = Mounted::on("m", &indexed.option(c"index", "on"))?;
    write("m/a", "changed")?;
    let kept = content("m/b") == "changed" && tell_links("m/a", "m/b")?;
    list("w2")?;
    if kept {
        conclude(
            "the kernel keeps an index of what it has copied, and finds the copy by the other name, too",
        );
    }
    findings.because(
        "without index=on, which is the usual default, one of two names gets a copy of its own",
    );
    findings.partly("C222", kept, broken);
    Ok(())
}

/// Whether two names are one file.
fn tell_links(one: &str, other: &str) -> Result<bool> {
    let (a, b) = (identity(one)?, identity(other)?);
    evidence(format!("inodes of {one} and {other}"), format!("{} and {}", inode(a.1), inode(b.1)));
    Ok(a == b)
}
