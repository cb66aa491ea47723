//! Whose limit is an rlimit?

use caps::{CapSet, Privileges, Rlimits};
use clone_pid::Container;
use clone_pid::beyond::Report;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, muted, step};

use crate::stage::boxed;

pub const EXPERIMENT: Experiment = Experiment {
    name: "per-user-limits",
    title: "nproc counts a user's processes in every box, nofile one process's files",
    level: Level::Deep,
    claims: &["C179"],
    needs: &[Need::InitialRoot, Need::Clone3],
    run: look,
};

/// A user that no host has.
const USER: &str = "54321";

fn look(findings: &mut Findings) -> Result<()> {
    step(
        "Two boxes of the same user, 6 processes allowed: the first takes 5, and then the second wants 5",
    );
    let mut first = muted(|| limited("fork-tree 4", "nproc=6")?.start())?;
    Report::until(&mut first, "ready")?;
    let second = muted(|| Report::of(limited("forks-until 5", "nproc=6")?))?;
    let refusal = second.get("refused").unwrap_or("nothing").to_string();
    box_evidence("the second box was refused", &refusal);
    muted(|| first.kill())?;
    let alone = muted(|| Report::of(limited("forks-until 5", "nproc=6")?))?;
    box_evidence("alone it is refused", alone.get("refused").unwrap_or("nothing"));
    let shared = refusal.contains("EAGAIN") && alone.get("refused")? == "none";
    if shared {
        conclude("RLIMIT_NPROC counts all processes of the user, in whatever namespace they are");
    }

    step("And 20 open files: two processes of the user at once");
    let report =
        muted(|| limited("forked open-until 30; open-until 30", "nofile=20")?.start()?.output())?;
    let opened: Vec<_> = report.text.lines().filter(|line| line.starts_with("opened")).collect();
    opened.iter().for_each(|line| box_evidence("a process", line));
    let each = opened.len() == 2 && opened[0] == opened[1];
    if each {
        conclude("RLIMIT_NOFILE counts what one process has open");
    }
    findings.because("in part: the number of processes is per user, the number of files per process; pids.max is the box's own");
    findings.holds("C179", !(shared && each));
    Ok(())
}

fn limited(script: &str, limit: &str) -> Result<Container> {
    let privileges = Privileges::keep(CapSet::DEFAULT).user(USER.parse()?);
    let container = boxed(script, privileges)?;
    // In the same list, but `boxed` has put the privileges last: a limit can be lowered afterwards as well.
    Ok(container.with(Rlimits(vec![limit.parse()?])))
}
