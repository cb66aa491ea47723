//! What the first change costs.

use std::fs::File;
use std::io::Read;

use ground::Result;
use ground::call::quietly;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, note, step};
use ground::text::inode;

use crate::stage::{
    Mounted, Stage, big_file, chmod, content, du, identity, layer, layers, note_of, read_only,
    write,
};

pub const EXPERIMENT: Experiment = Experiment {
    name: "copy-up",
    title: "the first change of a lower file copies all of it",
    level: Level::Core,
    claims: &["C130"],
    needs: &[Need::Admin, Need::Overlay],
    run,
};

const MIB: usize = 8;

fn run(findings: &mut Findings) -> Result<()> {
    step(format!("A lower layer with a small file, and one of {MIB} MiB"));
    let _stage = Stage::enter("copy")?;
    layer("l1", &[("a", "lower a")])?;
    big_file("l1/big", MIB)?;
    let _mounted = Mounted::on("m", &layers(&["l1"]))?;
    let early = quietly("open m/a").run(|| File::open("m/a"))?;
    let number = identity("m/a")?.1;

    step("The small one is written to");
    write("m/a", "changed")?;
    let changed = content("m/a") == "changed" && content("u/a") == "changed";
    let kept = content("l1/a") == "lower a";
    told_as_before(number)?;
    let mut text = String::new();
    quietly("read m/a").run(|| (&early).read_to_string(&mut text))?;
    evidence(
        "a descriptor of m/a that was open before the copy-up reads",
        format!("\"{}\"", text.trim_end()),
    );
    if changed && kept {
        conclude("the file was copied to upper and the copy was changed");
    }

    step("Of the large one, only the mode is changed");
    let before = du("u")?;
    chmod("m/big", 0o600)?;
    let after = du("u")?;
    let whole = after - before >= (MIB as u64) << 20;
    if whole {
        conclude("all of it was copied: the cost of the first change is the size of the file");
    }
    let metadata = with_metacopy()?;
    if metadata {
        conclude("with metacopy=on a change of mode or owner copies no content");
    }
    findings.because("a change of its mode alone copies all of a file, unless metacopy is on");
    findings.holds("C130", changed && kept && whole && metadata);
    Ok(())
}

fn told_as_before(number: u64) -> Result<()> {
    let now = identity("m/a")?.1;
    evidence("inode of m/a before and after", format!("{} and {}", inode(number), inode(now)));
    Ok(())
}

/// Needs the right to write `trusted.*`.
fn with_metacopy() -> Result<bool> {
    if overlay::user_xattr() {
        note("metacopy needs trusted.* attributes: root of the host");
        return Ok(true);
    }
    step("The same on an overlay with metacopy=on");
    layer("u2", &[])?;
    layer("w2", &[])?;
    layer("m2", &[])?;
    let upper = read_only(&["l1"]).upper("u2".into(), "w2".into());
    let _mounted = Mounted::on("m2", &upper.option(c"metacopy", "on"))?;
    chmod("m2/big", 0o600)?;
    note_of("u2/big", "metacopy")?;
    Ok(du("u2")? < 1 << 20)
}
