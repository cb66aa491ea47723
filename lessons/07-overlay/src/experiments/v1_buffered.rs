//! What version 1 cannot see.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, step};
use overlay::Rate;

use crate::load::{LOADS, Load};

pub const EXPERIMENT: Experiment = Experiment {
    name: "v1-buffered",
    title: "version 1 limits buffered I/O where the box itself does it",
    level: Level::Deep,
    claims: &["C139"],
    needs: &Need::and::<6>(LOADS, &[Need::MemoryV1]),
    run,
};

const KIB: u64 = 1024;
const LEAST: u64 = 700;

fn run(findings: &mut Findings) -> Result<()> {
    step("A group that may read and write 1 MiB in a second");
    let load = Load::make("v1", &[])?;
    load.limit(Rate::WriteBytes, KIB << 10)?;
    load.limit(Rate::ReadBytes, KIB << 10)?;
    step("A direct write");
    let direct = load.run("write-direct", KIB)? >= LEAST;

    step("A buffered write, written back by somebody outside");
    let before = load.written()?;
    let kib = KIB * 4;
    let quick = load.run("write-buffered", kib)? < kib;
    load.flushed_by_another()?;
    let escaped = quick && load.written()? == before;
    if escaped {
        conclude(
            "nothing was counted, and nothing limited: in version 1 a page does not know whose it is",
        );
    }

    step("A buffered write, and fsync by the writer");
    let (_, flush) = load.write_and_flush(KIB)?;
    let counted = load.written()? - before >= KIB << 10;
    step("A buffered read, of what is not in memory, and of what is");
    load.cool()?;
    let cold = load.run("read-buffered", KIB)?;
    let warm = load.run("read-buffered", KIB)?;
    let limited = flush >= LEAST && counted && cold >= LEAST && warm < cold;
    if limited {
        conclude(
            "what a process of the group sends to the disk itself is limited, buffered or not",
        );
    }
    findings.because(
        "only the write-back that others do escapes; reads, and fsync by the writer, are limited",
    );
    findings.holds("C139", direct && escaped && !limited);
    Ok(())
}
