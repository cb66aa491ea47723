//! Is everybody a descendant of init?

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use ground::text::count;
use mount_ns::{MountNamespace, Proc};
use nix::unistd::Pid;

use crate::stage::{boxed, started};

pub const EXPERIMENT: Experiment = Experiment {
    name: "no-parent",
    title: "not everybody in a box descends from its PID 1",
    level: Level::Deep,
    claims: &["C045"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "A box with its own /proc: PID 1 and a child. A guest joins, and lists who is whose child",
    );
    let container = boxed("fork sleep 60; hold")?.with(MountNamespace::private()).with(Proc);
    let running = started(container, "ready")?;
    let joins = boxed("parents")?.with(MountNamespace::private());
    let output = muted(|| joins.join(running.child())?.output())?;
    muted(|| running.kill())?;
    let rows: Vec<Vec<&str>> = output.text.lines().map(|l| l.split(' ').collect()).collect();
    for row in &rows {
        box_evidence(format!("PID {}", row[0]), format!("child of {}", row[1]));
    }
    let below: Vec<_> = rows.iter().filter(|row| row[1] == "1").collect();
    let roots: Vec<_> = rows.iter().filter(|row| row[1] == "0").map(|row| row[0]).collect();
    let joined = roots.len() == 2 && roots[0] == "1" && below.len() == 1;
    if joined {
        conclude(
            "two of them have no parent in here: PID 1, and the guest, whose parent is outside",
        );
    }
    step("On the host: who descends from PID 1 there?");
    let (all, apart) = host()?;
    evidence("processes", count(all));
    evidence("of them not descended from PID 1", count(apart));
    findings.because(
        "a process that has joined has no parent there, and kernel threads descend from kthreadd",
    );
    findings.partly("C045", below.len() == 1, joined);
    Ok(())
}

/// How many processes there are, and how many of them have another ancestor than PID 1: kernel threads, or guests.
fn host() -> Result<(usize, usize)> {
    let all = ground::proc::all()?;
    let apart = all.iter().filter(|pid| !descends(**pid));
    Ok((all.len(), apart.count()))
}

fn descends(mut pid: Pid) -> bool {
    while pid.as_raw() > 1 {
        match ground::proc::Process::of(pid).status() {
            Ok(status) => pid = Pid::from_raw(status.ppid),
            // It has ended meanwhile.
            Err(_) => return true,
        }
    }
    pid.as_raw() == 1
}
