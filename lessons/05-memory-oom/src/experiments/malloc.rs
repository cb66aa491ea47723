//! Addresses, and pages behind them.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use memory_oom::USAGE;
use memory_oom::beyond::Kept;

use super::swap_load::{hold, nearest, status_of};
use crate::stage::limited;

pub const EXPERIMENT: Experiment = Experiment {
    name: "malloc",
    title: "512 MiB in a group of 20: addresses cost nothing until somebody writes",
    level: Level::Core,
    claims: &["C092"],
    needs: &[Need::Admin, Need::Clone3, Need::MemoryController],
    run,
};

const LIMIT: u64 = 20;
const RESERVED: u64 = 512;
const WRITTEN: u64 = 8;
/// A page may be a huge one, of which the first byte costs 2 MiB.
const STEP: u64 = 8;

/// What a box has, in bytes.
struct Look {
    addresses: u64,
    pages: u64,
    charged: u64,
}

fn run(findings: &mut Findings) -> Result<()> {
    step(format!("A group of {LIMIT} MiB, and a box in it that does nothing"));
    let kept = limited("a", LIMIT)?;
    let nothing = look(&kept, "hold", None)?;
    step(format!("The same box after malloc({RESERVED} MiB)"));
    let reserved = look(&kept, &format!("map-anon {RESERVED}; hold"), Some(&nothing))?;
    let succeeds = reserved.addresses.saturating_sub(nothing.addresses) >= RESERVED << 20;
    let free = grown(&nothing, &reserved) == (0, 0);
    if succeeds && free {
        conclude("it got addresses. No page of memory is behind them, and nothing is charged");
    }
    step(format!("…and {WRITTEN} MiB more, with a byte written to every page of those"));
    let both = format!("map-anon {RESERVED}; eat-anon {WRITTEN}; hold");
    let written = look(&kept, &both, Some(&nothing))?;
    let paid = grown(&nothing, &written) == (WRITTEN, WRITTEN);
    if paid {
        conclude(
            "the first write to a page is a page fault: then the kernel finds a page, and charges it",
        );
    }
    findings.holds("C092", succeeds && free && paid);
    Ok(())
}

/// By about how many MiB resident and charged memory have grown.
fn grown(from: &Look, to: &Look) -> (u64, u64) {
    let by = |of: fn(&Look) -> u64| nearest(of(to).saturating_sub(of(from)), STEP);
    (by(|look| look.pages), by(|look| look.charged))
}

fn look(kept: &Kept, script: &str, since: Option<&Look>) -> Result<Look> {
    let (running, _) = hold(kept, script)?;
    let (process, place) = (running.child().process(), kept.place()?);
    let charged = place.number(USAGE.of(&place))?;
    let (addresses, pages) = (status_of(&process, "VmSize")?, status_of(&process, "RssAnon")?);
    let look = Look { addresses, pages, charged };
    if let Some(since) = since {
        let more = |by| format!("about {by} MiB more");
        let (pages, charged) = grown(since, &look);
        let addresses = nearest(look.addresses.saturating_sub(since.addresses), STEP);
        evidence(format!("{}, VmSize", process.file("status")), more(addresses));
        evidence(format!("{}, RssAnon", process.file("status")), more(pages));
        evidence(place.shown(USAGE.of(&place)), more(charged));
    }
    muted(|| running.kill())?;
    Ok(look)
}
