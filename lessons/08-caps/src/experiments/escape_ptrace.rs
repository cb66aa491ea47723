//! A process of the host's that came to have a look.

use clone_pid::{Container, PidNamespace};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::rootfs::probe;
use ground::story::muted;

use crate::attack::{Escape, Outcome, Protection, boxed, rest, sealed, secret, twice};

pub const EXPERIMENT: Experiment = Experiment {
    name: "escape-ptrace",
    title: "who joins a box's PID namespace can be taken over by it",
    level: Level::Deep,
    claims: &["C238"],
    needs: &[Need::InitialRoot, Need::Clone3],
    run,
};

pub const ESCAPE: Escape = Escape {
    name: "ptrace of a process that joined",
    known: "nsenter --pid",
    open: "a box with every capability, and a process that joins its PID namespace and nothing else",
    closed: "CAP_SYS_PTRACE given up",
    needs: &[Need::InitialRoot],
    attempt,
};

fn run(findings: &mut Findings) -> Result<()> {
    twice(&ESCAPE, findings).map(drop)
}

/// The joined process, number 2 of the box, has the host's root directory: who may trace it may open it.
fn attempt(protection: Protection) -> Result<Outcome> {
    let path = format!("/proc/2/root{}", secret()?.display());
    let script = format!("wait-for /proc/2/stat; ptrace 2; first-line {path}");
    let attacker = boxed(&["script", &script])?;
    let mut attacker = muted(|| sealed(attacker, protection)?.start())?;
    let probe = probe()?;
    let guest = Container::new(&[probe.as_os_str(), "sleep".as_ref(), "60".as_ref()])?;
    let guest = muted(|| guest.with(PidNamespace).join(attacker.child()))?;
    let text = rest(&mut attacker);
    // PID 1 of a namespace does not end before everybody in it was reaped, and the guest is our child.
    muted(|| drop((guest, attacker)));
    Ok(Outcome::by_secret(&text?))
}
