//! What the kernel does in the work directory.

use std::fs;
use std::os::unix::fs::MetadataExt;

use ground::Result;
use ground::call::quietly;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, step};
use ground::text::count;
use nix::errno::Errno;

use crate::stage::{Mounted, Stage, content, is_whiteout, layer, layers, list, unlink, write};

pub const EXPERIMENT: Experiment = Experiment {
    name: "workdir",
    title: "work is where a change is made before it is renamed to upper",
    level: Level::Deep,
    claims: &["C127"],
    needs: &[Need::Admin, Need::Overlay],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("An upper layer without a work directory");
    let _stage = Stage::enter("workdir")?;
    layer("l1", &[("a", "of l1"), ("b", "of l1")])?;
    let mut without = layers(&["l1"]);
    without.work = None;
    let refused = Mounted::on("m", &without).err();
    if let Some(why) = &refused {
        evidence("the kernel", why);
    }
    let refused = refused.is_some_and(|e| e.errno() == Some(Errno::EINVAL));

    step("With one, while the overlay is used");
    let mounted = Mounted::on("m", &layers(&["l1"]))?;
    let made = list("w")? == ["work/"];
    write("m/a", "changed")?;
    unlink("m/b")?;
    let finished = content("u/a") == "changed" && is_whiteout("u/b")?;
    // A copy is made here under a number, and is gone when it has its name in upper. One whiteout is kept for later.
    let left =
        quietly("list w/work").run(|| Ok::<_, std::io::Error>(fs::read_dir("w/work")?.count()))?;
    evidence("names in w/work afterwards", count(left));
    drop(mounted);
    let mode = quietly("lstat w/work").run(|| fs::symlink_metadata("w/work"))?.mode() & 0o7777;
    evidence("mode of w/work, after the overlay is unmounted", format!("{mode:04o}"));
    if refused && made && finished {
        conclude(
            "nobody ever sees half a copy: it comes to upper by one rename. The directory stays when the overlay goes; a runtime removes it",
        );
    }
    findings.holds("C127", refused && made && finished && left < 2);
    Ok(())
}
