//! v1: waiting where others are killed.

use std::time::Duration;

use cgroup_cpu::write;
use clone_pid::beyond::probing;
use clone_pid::{Running, Status};
use ground::Result;
use ground::cgroup::Place;
use ground::interrupt;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use memory_oom::beyond::Kept;
use nix::errno::Errno;

use crate::stage::{limited, until};

pub const EXPERIMENT: Experiment = Experiment {
    name: "killer-off",
    title: "v1 can turn the OOM killer off: then whoever needs a page waits, and cannot be interrupted",
    level: Level::Deep,
    claims: &["C102", "C103"],
    needs: &[Need::Admin, Need::Clone3, Need::MemoryController, Need::MemoryV1],
    run,
};

const NOTE: (Errno, &str) = (Errno::EINVAL, "0 or 1");

fn run(findings: &mut Findings) -> Result<()> {
    step("A group with 12 MiB and no OOM killer");
    let kept = limited("patient", 12)?;
    let place = kept.place()?;
    write(&place, "memory.oom_control", 1, NOTE)?;
    step("A process in it that takes 24");
    let mut first = eater(&kept)?;
    let under = under_oom(&place)?;
    let asleep = state(&first)?;
    step("Give it more: 64 MiB");
    write(&place, "memory.limit_in_bytes", 64u64 << 20, NOTE)?;
    let went_on = until(&mut first, "ready")?.is_some();
    box_evidence("it", if went_on { "has what it wanted" } else { "is dead" });
    let kills = place.read("memory.oom_control")?.lines().any(|line| line == "oom_kill 0");
    evidence(
        place.shown("memory.oom_control"),
        if kills { "oom_kill 0" } else { "somebody was killed" },
    );
    muted(|| first.kill())?;

    let ended = ended_by_term()?;
    findings
        .because("the state is D; but a signal that kills, even SIGTERM, wakes it: TASK_KILLABLE");
    findings.holds("C102", under && went_on && kills);
    // Interruptible sleep would be S, and any signal that is handled would wake it.
    findings.holds("C103", !(asleep.0 == 'D' && ended));
    Ok(())
}

fn ended_by_term() -> Result<bool> {
    step("Another one that waits like that, and SIGTERM");
    let kept = limited("patient-too", 12)?;
    write(&kept.place()?, "memory.oom_control", 1, NOTE)?;
    let waiting = eater(&kept)?;
    under_oom(&kept.place()?)?;
    state(&waiting)?;
    waiting.signal(15)?;
    let status = muted(|| waiting.wait())?;
    box_evidence("it was", status);
    if status == Status::Killed(15) {
        conclude("it waits in the kernel, where no handler could run; only what ends it wakes it");
    }
    Ok(status == Status::Killed(15))
}

/// In the host's PID namespace: the first process of another would ignore SIGTERM.
fn eater(kept: &Kept) -> Result<Running> {
    muted(|| probing("eat-anon 24; hold")?.with(kept.member()).start())
}

fn under_oom(place: &Place) -> Result<bool> {
    let mut under = false;
    for _ in 0..400 {
        under = place.read("memory.oom_control")?.lines().any(|line| line == "under_oom 1");
        if under {
            break;
        }
        interrupt::sleep(Duration::from_millis(5));
    }
    evidence(place.shown("memory.oom_control"), if under { "under_oom 1" } else { "under_oom 0" });
    Ok(under)
}

/// Its state, and the function of the kernel in which it waits.
fn state(running: &Running) -> Result<(char, String)> {
    let process = running.child().process();
    let look = || Ok((process.status()?.state, process.read("wchan").unwrap_or_default()));
    let (mut state, mut place) = look()?;
    for _ in 0..100 {
        // Between two tries it runs, and waits nowhere.
        if state == 'D' && place != "0" {
            break;
        }
        interrupt::sleep(Duration::from_millis(2));
        (state, place) = look()?;
    }
    evidence(process.file("status"), format!("State: {state}"));
    evidence(process.file("wchan"), &place);
    Ok((state, place))
}
