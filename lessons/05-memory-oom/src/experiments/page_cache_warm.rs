//! Read once, read again.

use ground::Result;
use ground::host::disk::Disk;
use ground::lesson::{Experiment, Findings, Level};
use ground::story::{box_evidence, conclude, evidence, muted, step};
use ground::text::count;
use memory_oom::MemoryLimit;
use std::fs;

use crate::stage::{WITH_DISK, boxed};

pub const EXPERIMENT: Experiment = Experiment {
    name: "page-cache-warm",
    title: "the second reading asks no disk",
    level: Level::Deep,
    claims: &["C112"],
    needs: WITH_DISK,
    run,
};

const DISK: u64 = 24;
const LIMIT: u64 = 12;

fn run(findings: &mut Findings) -> Result<()> {
    step(format!("A disk of {DISK} MiB, of which nothing is in memory: read all of it, twice"));
    let disk = Disk::make("disk", DISK)?;
    let at = disk.path().display();
    let io = "cat /proc/self/io";
    let twice =
        format!("cool-file {at}; {io}; read-file {at}; {io}; read-file {at}; {io}; cached {at}");
    let text = muted(|| boxed(&twice)?.start()?.output())?.text;
    let read = from_disk(&text);
    let [cold, warm] = [0, 1].map(|i| read.get(i + 1).zip(read.get(i)).map_or(0, |(b, a)| b - a));
    box_evidence("/proc/self/io, read_bytes of the first reading, MiB", cold >> 20);
    box_evidence("/proc/self/io, read_bytes of the second, MiB", warm >> 20);
    let kept = share(&text);
    box_evidence("mincore(2), pages in the page cache, %", kept);

    step("Say that they are not needed, with posix_fadvise(2)");
    let cooled = format!("cool-file {at}; cached {at}");
    let forgotten = share(&muted(|| boxed(&cooled)?.start()?.output())?.text);
    box_evidence("mincore(2), pages in the page cache, %", forgotten);

    step(
        "When does the kernel take them back? When a zone has fewer free pages than its low watermark",
    );
    let low = watermarks();
    evidence("/proc/zoneinfo, low watermarks of all zones, pages", count(low));
    step(format!(
        "…and in a group when its limit is reached: read the disk in a group of {LIMIT} MiB"
    ));
    let small = format!("read-file {at}; cached {at}");
    let small = boxed(&small)?.with(MemoryLimit::mib(LIMIT).without_swap());
    let within = share(&muted(|| small.start()?.output())?.text);
    let half = if within <= 60 { "less than" } else { "more than" };
    box_evidence("mincore(2), pages in the page cache", format!("{half} 60 %"));

    let keeps = cold >> 20 == DISK && warm == 0 && kept == 100 && forgotten == 0;
    if keeps {
        conclude(
            "what was read stays until somebody needs the memory, or says that nobody needs the pages",
        );
    }
    findings.holds("C112", keeps && low > 0 && within <= 60);
    Ok(())
}

/// The values of `read_bytes`, in order.
fn from_disk(text: &str) -> Vec<u64> {
    let values = text.lines().filter_map(|line| line.strip_prefix("read_bytes: "));
    values.filter_map(|value| value.parse().ok()).collect()
}

/// How many of the pages are cached, in percent.
fn share(text: &str) -> u64 {
    let value = |key: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(key));
        value.and_then(|value| value.parse::<u64>().ok())
    };
    value("cached ").unwrap_or(0) * 100 / value("pages ").unwrap_or(1).max(1)
}

/// Lines `low 1234` of all zones.
fn watermarks() -> u64 {
    let text = fs::read_to_string("/proc/zoneinfo").unwrap_or_default();
    let low = text.lines().filter_map(|line| line.trim().strip_prefix("low "));
    low.filter_map(|pages| pages.trim().parse::<u64>().ok()).sum()
}
