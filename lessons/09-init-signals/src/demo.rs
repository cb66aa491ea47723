//! The demo: a PID 1 that cannot be stopped, the dead that nobody buries, and an init in front of both.

use std::time::Duration;

use clone_pid::Status;
use ground::Result;
use ground::story::{box_evidence, conclude, evidence, muted, note, step};
use init_signals::{Handling, signal_names};
use nix::unistd::Pid;

use crate::stage::{
    STANDARD, boxed, called, comes_true, family, kill_from_inside, reaches, started, state,
    tell_state, until_all, with_init, zombies,
};

/// Orphans of the demo.
const ORPHANS: usize = 20;

/// Tells the lesson.
pub fn demo() -> Result<()> {
    deaf()?;
    dead()?;
    in_front()?;
    last()?;
    note("handlers, states, load, subreapers, tini beside ours: the experiments of this lesson");
    Ok(())
}

fn deaf() -> Result<()> {
    step("A box with an ordinary program as PID 1. What does it do about signals?");
    let running = started(boxed("hold")?, "ready")?;
    let process = running.child().process();
    let handling = Handling::of(&process)?;
    evidence(format!("{}, SigCgt", process.file("status")), signal_names(handling.0.caught));
    evidence(
        format!("{}, SigIgn", process.file("status")),
        signal_names(handling.0.ignored & STANDARD),
    );
    step("Nothing. By default SIGTERM ends a process. The host sends it");
    running.signal(libc::SIGTERM)?;
    let alive = running.outlasts(Duration::from_millis(20));
    tell_state(&running)?;
    step("…and root in the box sends SIGKILL");
    let answer = kill_from_inside(&running, libc::SIGKILL)?;
    let still = running.outlasts(Duration::from_millis(20));
    tell_state(&running)?;
    if alive && still && answer == "0" {
        conclude(
            "for the init of a namespace the default is to do nothing, and from inside not even SIGKILL counts",
        );
    }
    step("Only from above SIGKILL does");
    running.signal(libc::SIGKILL)?;
    let status = muted(|| running.wait())?;
    box_evidence("PID 1 was", status);
    if status == Status::Killed(libc::SIGKILL) {
        conclude(
            "so a stop that begins with SIGTERM waits out its whole grace period, and then cuts off",
        );
    }
    Ok(())
}

fn dead() -> Result<()> {
    step(format!(
        "The same program again. {ORPHANS} processes of the box lose their parent, and end"
    ));
    let running = started(boxed(&format!("orphans {ORPHANS} 0; hold"))?, "ready")?;
    comes_true(|| Ok(zombies(&running)? == ORPHANS))?;
    let family = family(&running)?;
    evidence("children of PID 1", family.len());
    let dead = family.iter().filter(|(_, status)| status.state == 'Z').count();
    evidence("of them zombies", dead);
    muted(|| running.kill())?;
    if dead == ORPHANS {
        conclude(
            "each still has its number, and only their parent could free it, by waiting for them",
        );
    }
    Ok(())
}

fn in_front() -> Result<()> {
    step("Now with an init in front of it: PID 1 forks, and its child becomes the program");
    let running = started(with_init(&format!("orphans {ORPHANS} 0; hold"))?, "ready")?;
    let reaped = comes_true(|| Ok(family(&running)?.len() == 1))?;
    let numbers = |pid: Pid| -> Result<()> {
        reaches(pid, "S")?;
        let process = ground::proc::Process::of(pid);
        let status = process.status()?;
        let inside = status.nspid.last().copied().unwrap_or(0);
        evidence(called(pid), format!("PID {inside} in the box, State {}", status.state));
        Ok(())
    };
    numbers(running.child().pid())?;
    family(&running)?.iter().try_for_each(|(pid, _)| numbers(*pid))?;
    if reaped {
        conclude("no zombies: it has waited for all of them");
    }
    step("SIGTERM to PID 1");
    running.signal(libc::SIGTERM)?;
    let status = muted(|| running.wait())?;
    box_evidence("PID 1 has", status);
    if status == Status::Exited(128 + libc::SIGTERM) {
        conclude(
            "it passed the signal to its child, which is no init and died of it; 143 is 128 and the number of SIGTERM",
        );
    }
    Ok(())
}

fn last() -> Result<()> {
    step("PID 1 with a child that has a handler for everything. PID 1 ends");
    let mut running = boxed("fork listen all; await USR1; exit 0")?.start()?;
    until_all(&mut running, &["ready", "awaiting"])?;
    let child = family(&running)?[0].0;
    muted(|| running.signal(libc::SIGUSR1))?;
    let mut heard = Vec::new();
    while let Some(line) = running.line()? {
        heard.extend(line.strip_prefix("got ").map(str::to_string));
    }
    let status = muted(|| running.wait())?;
    box_evidence("PID 1 has", status);
    box_evidence("signals that its child heard of", heard.len());
    let gone = comes_true(|| Ok(state(child).is_none()))?;
    evidence("the child", if gone { "is gone" } else { "is still there" });
    if gone && heard.is_empty() {
        conclude("the box ends with PID 1, and nobody in it is asked");
    }
    Ok(())
}
