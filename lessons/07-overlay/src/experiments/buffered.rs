//! When a write is on the disk.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use ground::text::count;

use crate::load::{LOADS, Load};

pub const EXPERIMENT: Experiment = Experiment {
    name: "buffered",
    title: "a direct write reaches the disk at once, a buffered one when somebody writes it back",
    level: Level::Deep,
    claims: &["C136"],
    needs: &Need::and::<6>(LOADS, &[Need::Ext4]),
    run,
};

const KIB: u64 = 4096;

fn run(findings: &mut Findings) -> Result<()> {
    step("Direct: past the page cache");
    let load = Load::with_file("buffered", &[])?;
    load.run("write-direct", KIB)?;
    let direct = load.written()? >= KIB << 10;
    let pages = load.cached()?;
    evidence("pages of the file in memory", count(pages));
    if direct {
        conclude("when write() returned, the disk had it");
    }

    step("Buffered: into the page cache");
    let before = muted(|| load.written())?;
    load.run("write-buffered", KIB)?;
    let at_once = load.written()? - before;
    let cached = load.cached()?;
    evidence("pages of the file in memory", count(cached));

    step("And out of it, when somebody asks for that");
    load.flush()?;
    let later = load.written()? - before;
    // The kernel does it by itself after some seconds, or when too much is dirty.
    let buffered = at_once < KIB << 10 && later >= KIB << 10 && cached >= KIB / 4;
    if buffered {
        conclude(
            "write() returned when the pages were in memory, dirty; fsync() waits for the disk",
        );
    }
    findings.holds("C136", direct && pages < KIB / 4 && buffered);
    Ok(())
}
