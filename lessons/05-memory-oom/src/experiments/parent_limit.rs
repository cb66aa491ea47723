//! A tree of groups.

use clone_pid::Status;
use ground::Result;
use ground::cgroup::Place;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, step};
use memory_oom::LIMIT;
use memory_oom::beyond::Kept;

use crate::stage::{limited, on_v2, run_in, tell_events};

pub const EXPERIMENT: Experiment = Experiment {
    name: "parent-limit",
    title: "the limit of a group holds for all groups in it",
    level: Level::Deep,
    claims: &["C098"],
    needs: &[Need::Admin, Need::Clone3, Need::MemoryController],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("A group with 20 MiB, and in it one without a limit");
    let parent = limited("outer", 20)?;
    let child = Kept::memory("outer/inner")?;
    let (outer, inner) = (parent.place()?, child.place()?);
    let own = inner.read(LIMIT.of(&inner))?;
    evidence(inner.shown(LIMIT.of(&inner)), &own);
    if !on_v2() {
        let stat = inner.read("memory.stat")?;
        let line = stat.lines().find(|line| line.starts_with("hierarchical_memory_limit"));
        evidence(inner.shown("memory.stat"), line.unwrap_or("no such line"));
    }
    step("A box in the inner one takes 40 MiB");
    let output = run_in(&child, "eat-anon 40")?;
    box_evidence("it was", output.status);
    let above = tell_events(&outer)?;
    let own_hits = own_hits(&inner)?;
    let killed = output.status == Status::Killed(9);
    if killed && own_hits == 0 {
        conclude(
            "killed in the inner group, by the limit of the outer: a charge goes up the whole tree, and must fit everywhere",
        );
    }
    findings.holds("C098", killed && above.hits > 0 && own_hits == 0);
    Ok(())
}

/// What happened at the group's own limit. v2's memory.events counts what happened in the whole tree, at whichever limit.
fn own_hits(place: &Place) -> Result<u64> {
    let (file, hits) = match on_v2() {
        false => ("memory.failcnt", place.number("memory.failcnt")?),
        true => {
            let text = place.read("memory.events.local")?;
            let max = text.lines().find_map(|line| line.strip_prefix("max ")?.parse().ok());
            ("memory.events.local, max", max.unwrap_or(u64::MAX))
        }
    };
    evidence(place.shown(file), hits);
    Ok(hits)
}
