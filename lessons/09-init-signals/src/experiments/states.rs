//! A gallery of process states.

use clone_pid::Running;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::Process;
use ground::story::{conclude, evidence, muted, step};
use ground::text::count;
use nix::unistd::Pid;

use crate::stage::{boxed, family, reaches, started, state};

pub const EXPERIMENT: Experiment = Experiment {
    name: "states",
    title: "the letters of ps, one process for each",
    level: Level::Deep,
    claims: &["C052"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("Six processes, each made to be in one state");
    let r = alone("spin 60000", "", 'R', "runs, or wants to")?;
    let s = alone("hold", "ready", 'S', "sleeps; any signal wakes it")?;
    let d = child("vforks 1; hold", 'D', "waits in the kernel; here for a vfork child")?;
    let t = stopped()?;
    let traced = child("traced; hold", 't', "stands still for a tracer")?;
    let z = child("die 0 0; hold", 'Z', "has ended, and is not waited for")?;
    let x = vanishes()?;
    step("Kernel threads with nothing to do");
    let idle = with_state('I')?;
    evidence("State I, on this host", count(idle));
    let named = r && s && d && z && x;
    if named && t && traced {
        conclude("R, S, D, T, t, Z were seen; X, the instant between a wait and the end, was not");
    }
    findings.because(
        "stopped, traced and idle are states as well, and EXIT_DEAD is practically never seen",
    );
    findings.partly("C052", named, t && traced);
    Ok(())
}

/// PID 1 of a box in a state.
fn alone(script: &str, says: &str, letter: char, what: &str) -> Result<bool> {
    let running = muted(|| match says {
        "" => boxed(script)?.start(),
        line => started(boxed(script)?, line),
    })?;
    shown(running.child().pid(), letter, what, running)
}

/// A child of PID 1 in a state.
fn child(script: &str, letter: char, what: &str) -> Result<bool> {
    let running = muted(|| started(boxed(script)?, "ready"))?;
    shown(family(&running)?[0].0, letter, what, running)
}

fn stopped() -> Result<bool> {
    let running = muted(|| started(boxed("hold")?, "ready"))?;
    muted(|| running.signal(libc::SIGSTOP))?;
    shown(running.child().pid(), 'T', "was stopped; SIGCONT wakes it", running)
}

fn shown(pid: Pid, letter: char, what: &str, running: Running) -> Result<bool> {
    let seen = reaches(pid, &letter.to_string())?;
    evidence(format!("State {}", state(pid).unwrap_or('?')), what);
    muted(|| running.kill())?;
    Ok(seen)
}

/// Looks at a process as often as it can while it ends and is waited for: whether it ever was in state X.
fn vanishes() -> Result<bool> {
    let mut running = muted(|| started(boxed("die 0 0; await USR1; wait4 2; hold")?, "awaiting"))?;
    let zombie = family(&running)?[0].0;
    let mut letters: String = state(zombie).into_iter().collect();
    muted(|| running.signal(libc::SIGUSR1))?;
    while let Some(letter) = state(zombie) {
        if !letters.ends_with(letter) {
            letters.push(letter);
        }
    }
    muted(|| crate::stage::until(&mut running, "ready"))?;
    evidence("…and when it is waited for", format!("{letters}, then no such process"));
    muted(|| running.kill())?;
    Ok(letters == "Z")
}

fn with_state(letter: char) -> Result<usize> {
    let is = |pid: &Pid| Process::of(*pid).status().is_ok_and(|status| status.state == letter);
    Ok(ground::proc::all()?.iter().filter(|pid| is(pid)).count())
}
