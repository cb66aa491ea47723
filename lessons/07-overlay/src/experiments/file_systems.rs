//! Where the layers may be.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, step};
use nix::errno::Errno;

use crate::stage::{Mounted, Stage, content, identity, layer, layers, list, read_only, write};

pub const EXPERIMENT: Experiment = Experiment {
    name: "file-systems",
    title: "lower layers may be anywhere; upper and work belong together",
    level: Level::Deep,
    claims: &["C124"],
    needs: &[Need::Admin, Need::Overlay],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("Two lower layers on two file systems of their own, upper and work on a third");
    let _stage = Stage::enter("file-systems")?;
    let (_first, _second) = (Mounted::tmpfs("l1", "size=1m")?, Mounted::tmpfs("l2", "size=1m")?);
    layer("l1", &[("a", "of l1")])?;
    layer("l2", &[("b", "of l2")])?;
    let mounted = Mounted::on("m", &layers(&["l1", "l2"]))?;
    write("m/a", "changed")?;
    let devices = ["l1", "l2", "u"].map(|dir| identity(dir).map(|(device, _)| device));
    let [l1, l2, u] = devices;
    let apart = l1? != l2? && identity("l1")?.0 != u?;
    let worked = list("m")? == ["a", "b"] && content("u/a") == "changed" && apart;
    if worked {
        conclude("lower layers may be on any file systems");
    }
    drop(mounted);

    step("The work directory on another one than upper");
    let _third = Mounted::tmpfs("w3", "size=1m")?;
    let split = read_only(&["l1", "l2"]).upper("u".into(), "w3".into());
    let refused = Mounted::on("m", &split).err();
    if let Some(why) = &refused {
        evidence("the kernel", why);
    }
    let refused = refused.and_then(|e| e.errno()) == Some(Errno::EINVAL);
    if refused {
        conclude(
            "what is made in work must come to upper by a rename, which leaves no file system",
        );
    }
    findings.because("upper and work must be on the same mount");
    findings.partly("C124", worked, refused);
    Ok(())
}
