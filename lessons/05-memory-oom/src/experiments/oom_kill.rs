//! More than there is.

use std::time::Duration;

use clone_pid::Status;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use ground::text::{count, name};
use memory_oom::beyond::{Kept, KernelLog};

use crate::stage::{Charge, hold_in, limited, run_in, tell_charges, tell_events};

pub const EXPERIMENT: Experiment = Experiment {
    name: "oom-kill",
    title: "at the limit the kernel kills, and only in the group",
    level: Level::Core,
    claims: &["C094"],
    needs: &[Need::Admin, Need::Clone3, Need::MemoryController],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("A large box without a limit: 64 MiB, which is more than the next one will ever have");
    let large = Kept::memory("large")?;
    let outside = hold_in(&large, "eat-anon 64; hold")?;
    tell_charges(&large.place()?, &[Charge::Anon])?;

    step("A group with 24 MiB, and in it a box that takes 48, one after the other");
    let small = limited("small", 24)?;
    let mut log = KernelLog::from_now();
    let output = run_in(&small, "eat-anon 48")?;
    let last = output.text.lines().last().unwrap_or("nothing").to_string();
    let mib = last.trim_start_matches("anon ");
    box_evidence("MiB that it had when it last spoke", count(mib));
    box_evidence("it was", output.status);
    let memory = tell_events(&small.place()?)?;
    let killed = output.status == Status::Killed(9) && memory.kills == 1;
    if killed {
        conclude(
            "each charge at the limit reclaims first; when nothing is left to reclaim, a process dies by SIGKILL",
        );
    }

    step("Whom did the kernel choose?");
    let place = small.place()?;
    let victims = log.as_mut().map(|log| log.victims(&place)).unwrap_or_default();
    let told = victims.iter().map(|v| format!("{} (pid {}), {}", v.task, v.pid, v.constraint));
    let told = told.reduce(|all, one| format!("{all}; {one}"));
    evidence(
        "/dev/kmsg",
        name(told.unwrap_or_else(|| "closed to us, or the kernel has said it too often".into())),
    );
    let alive = outside.outlasts(Duration::from_millis(20));
    evidence("the large box outside", if alive { "runs on" } else { "is dead" });
    muted(|| outside.kill())?;
    if killed && alive {
        conclude("one of the group that was short, though a larger one was at hand");
    }
    findings.holds("C094", killed && memory.hits > 0 && alive);
    Ok(())
}
