//! All of them in one table.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, muted, step};

use super::{
    escape_abstract, escape_chroot, escape_disk, escape_handle, escape_leaked_dir,
    escape_mask_link, escape_proc, escape_ptrace, escape_release_agent, escape_runtime,
};
use crate::attack::{Escape, Protection};

pub const EXPERIMENT: Experiment = Experiment {
    name: "escapes",
    title: "ten known ways out of a box, with the protection off and on",
    level: Level::Core,
    claims: &["C238"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

const ALL: [Escape; 10] = [
    escape_chroot::ESCAPE,
    escape_disk::ESCAPE,
    escape_proc::ESCAPE,
    escape_handle::ESCAPE,
    escape_runtime::ESCAPE,
    escape_leaked_dir::ESCAPE,
    escape_mask_link::ESCAPE,
    escape_release_agent::ESCAPE,
    escape_ptrace::ESCAPE,
    escape_abstract::ESCAPE,
];

fn run(findings: &mut Findings) -> Result<()> {
    step("Each way out twice: from a box without what closes it, and from one with it");
    let mut held = true;
    let mut tried = 0;
    for escape in &ALL {
        if let Some(need) = escape.needs.iter().find(|need| !need.is_met()) {
            box_evidence(escape.name, format!("not tried: needs {}", need.id()));
            continue;
        }
        let off = muted(|| (escape.attempt)(Protection::Off))?;
        let on = muted(|| (escape.attempt)(Protection::On))?;
        let word = |out: bool| if out { "OUT" } else { "in" };
        let (open, closed) = (word(off.out), word(on.out));
        box_evidence(
            format!("{} ({})", escape.name, escape.known),
            format!("{open}: {}; with {}, {closed}: {}", off.said, escape.closed, on.said),
        );
        held &= off.out && !on.out;
        tried += 1;
    }
    if held {
        conclude(format!(
            "{tried} of {tried} lead out when one thing is missing, and none when it is there"
        ));
    }
    findings.holds("C238", held && tried > 0);
    Ok(())
}
