//! Who becomes the parent of an orphan.

use clone_pid::Container;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::Process;
use ground::story::{conclude, evidence, muted, step};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::stage::{boxed, children, comes_true, reaches, send, started, state, with_init};

pub const EXPERIMENT: Experiment = Experiment {
    name: "adoption",
    title: "an orphan goes to the nearest subreaper, and only else to PID 1",
    level: Level::Deep,
    claims: &["C044"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "An init, its command, and below it A, its child B, and B's child C, which has ended: B's zombie. Kill B",
    );
    let to_init = orphaned(with_init("lineage 3; await USR1")?, true)?;
    let buried = to_init == Heir::Buried;
    if buried {
        conclude("C went to PID 1, an init, which waited for it");
    }
    step("The same, but A is a subreaper, as systemd is for a user's session");
    let to_a = orphaned(boxed("lineage 3 1; await USR1")?, false)?;
    if to_a == Heir::Ancestor {
        conclude("C went to A, the nearest ancestor that asked for orphans; and A does not wait");
    }
    findings.because("the nearest subreaper comes first; and not the machine's init but that of the PID namespace");
    findings.partly("C044", buried, to_a == Heir::Ancestor);
    Ok(())
}

#[derive(PartialEq, Eq)]
enum Heir {
    Buried,
    Ancestor,
    Other,
}

/// Makes C a zombie, kills B, and looks whose child C is then.
fn orphaned(container: Container, init: bool) -> Result<Heir> {
    let running = muted(|| started(container, "ready"))?;
    let child = |of: Pid| Ok::<_, ground::Error>(children(of)?[0]);
    let first = running.child().pid();
    let a = child(if init { child(first)? } else { first })?;
    let b = child(a)?;
    let c = child(b)?;
    muted(|| send(c, Signal::SIGKILL))?;
    reaches(c, "Z")?;
    evidence("C, State", state(c).unwrap_or('?'));
    send(b, Signal::SIGKILL)?;
    let parent = || Process::of(c).status().map(|status| Pid::from_raw(status.ppid));
    comes_true(|| Ok(parent().map_or(true, |parent| parent != b)))?;
    let heir = match init {
        true if comes_true(|| Ok(state(c).is_none()))? => Heir::Buried,
        false if parent()? == a => Heir::Ancestor,
        _ => Heir::Other,
    };
    evidence(
        "C",
        match heir {
            Heir::Buried => "is gone",
            Heir::Ancestor => "is a zombie, and the child of A",
            Heir::Other => "is somebody else's child",
        },
    );
    muted(|| running.kill())?;
    Ok(heir)
}
