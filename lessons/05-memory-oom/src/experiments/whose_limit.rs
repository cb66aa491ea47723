//! The limit is the group's.

use std::time::Duration;

use clone_pid::Status;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};

use crate::stage::{Charge, hold_in, limited, run_in, tell_charges, tell_kills};

pub const EXPERIMENT: Experiment = Experiment {
    name: "whose-limit",
    title: "the limit is on what all processes of a group have together",
    level: Level::Deep,
    claims: &["C096"],
    needs: &[Need::Admin, Need::Clone3, Need::MemoryController],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("A group with 60 MiB, and in it three boxes: 10, 35 and 20 MiB. Each is far below 60");
    let kept = limited("sixty", 60)?;
    let place = kept.place()?;
    let small = hold_in(&kept, "eat-anon 10; hold")?;
    let large = hold_in(&kept, "eat-anon 35; hold")?;
    let before = tell_charges(&place, &[Charge::Anon])?;
    let last = hold_in(&kept, "eat-anon 20; hold")?;
    let kills = tell_kills(&place)?;
    let alive = [&small, &large, &last].map(|running| running.outlasts(Duration::from_millis(5)));
    let survivors = alive.iter().filter(|alive| **alive).count();
    let left = if survivors < 3 { "not all are left" } else { "all are left" };
    evidence("the three boxes", left);
    muted(|| drop((small, large, last)));
    let together = before.kills == 0 && kills > 0 && survivors < 3;
    if together {
        conclude(
            "the third was too much for the three together, and none was above the limit by itself",
        );
    }

    step("And 4 MiB, for a program that wants 8");
    let tiny = limited("four", 4)?;
    let output = run_in(&tiny, "eat-anon 8")?;
    box_evidence("it was", output.status);
    let killed = output.status == Status::Killed(9);
    if killed {
        conclude("killed at once. The shell that started it was not in the group, and goes on");
    }
    findings.because("it bounds the group's total, those in groups below included; that a small group kills at once is true");
    findings.holds("C096", !(together && killed));
    Ok(())
}
