//! A signal to somebody who cannot take it now.

use std::time::Duration;

use cgroup_cpu::{Freezer, Group};
use clone_pid::Running;
use ground::Result;
use ground::interrupt;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use init_signals::{Handling, signal_names};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::stage::{boxed, children, family, reaches, send, started, state};

pub const EXPERIMENT: Experiment = Experiment {
    name: "who-listens",
    title: "a signal waits until its process can run; SIGKILL does not wait for everything",
    level: Level::Deep,
    claims: &["C039"],
    needs: &[Need::Admin, Need::Clone3, Need::Freezer],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    let stopped = while_stopped()?;
    let frozen = while_frozen()?;
    step("A process in state D: it waits in the kernel for the child that it made by vfork");
    let running = muted(|| started(boxed("vforks 1; hold")?, "ready"))?;
    let parent = family(&running)?[0].0;
    let deep = reaches(parent, "D")?;
    evidence("State", state(parent).unwrap_or('?'));
    send(parent, Signal::SIGTERM)?;
    interrupt::sleep(Duration::from_millis(20));
    let waits = pending(parent)?;
    step("SIGKILL to the same process");
    send(parent, Signal::SIGKILL)?;
    let killed = reaches(parent, "Z")?;
    evidence("State", state(parent).unwrap_or('?'));
    let zombie = dead_already(parent)?;
    muted(|| running.kill())?;
    if deep && waits && killed {
        conclude("SIGTERM had to wait, SIGKILL had not: most waits that show as D can be killed");
    }
    findings.because("a pending signal is acted on when the process runs again, but SIGKILL also ends a killable wait in state D");
    findings.partly("C039", stopped && frozen && waits && zombie, deep && killed);
    Ok(())
}

/// Stopped: the signal waits for SIGCONT.
fn while_stopped() -> Result<bool> {
    step("A stopped process with a handler for SIGUSR1 is sent one");
    let mut running = muted(|| started(boxed("listen USR1")?, "ready"))?;
    let pid = running.child().pid();
    running.signal(libc::SIGSTOP)?;
    let stopped = reaches(pid, "T")?;
    running.signal(libc::SIGUSR1)?;
    let waited = pending(pid)?;
    running.signal(libc::SIGCONT)?;
    let came = came(&mut running)?;
    muted(|| running.kill())?;
    Ok(stopped && waited && came)
}

/// Frozen: it waits for the thaw.
fn while_frozen() -> Result<bool> {
    step("The same with a frozen one");
    let group = Group::named("listens");
    let container = boxed("listen USR1")?.with(Freezer::of(&group));
    let mut running = muted(|| started(container, "ready"))?;
    // Untold: the files differ between the versions of cgroups, and lesson 04 has told them.
    let paused = muted(|| group.pause())?;
    running.signal(libc::SIGUSR1)?;
    let waited = pending(running.child().pid())?;
    muted(|| paused.resume())?;
    let came = came(&mut running)?;
    muted(|| running.kill())?;
    Ok(waited && came)
}

/// A zombie takes signals, and nothing comes of them.
fn dead_already(zombie: Pid) -> Result<bool> {
    step("SIGKILL once more: it is a zombie now");
    send(zombie, Signal::SIGKILL)?;
    evidence("State", state(zombie).unwrap_or('?'));
    Ok(state(zombie) == Some('Z') && children(zombie)?.is_empty())
}

fn pending(pid: Pid) -> Result<bool> {
    let pending = Handling::of(&ground::proc::Process::of(pid))?.0.pending;
    evidence("ShdPnd", signal_names(pending));
    Ok(pending != 0)
}

fn came(running: &mut Running) -> Result<bool> {
    let line = running.line()?.unwrap_or_default();
    box_evidence("it says", &line);
    Ok(line == "got SIGUSR1")
}
