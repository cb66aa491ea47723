//! Who does not wait has zombies, and nobody can kill them.

use clone_pid::Container;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use nix::sys::signal::Signal;

use crate::stage::{boxed, comes_true, family, send, started, state, until};

pub const EXPERIMENT: Experiment = Experiment {
    name: "kill-a-zombie",
    title: "a zombie cannot be killed, only waited for",
    level: Level::Deep,
    claims: &["C042"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("A parent that does not wait for its child yet. Kill the child, which has ended already");
    let mut running = muted(|| started(boxed("die 0 0; await USR1; wait4 2; hold")?, "awaiting"))?;
    let zombie = family(&running)?[0].0;
    evidence("State", state(zombie).unwrap_or('?'));
    send(zombie, Signal::SIGKILL)?;
    let still = state(zombie) == Some('Z');
    evidence("State", state(zombie).unwrap_or('?'));
    step("The parent waits for it");
    running.signal(libc::SIGUSR1)?;
    muted(|| until(&mut running, "ready"))?;
    let refused = send(zombie, Signal::SIGKILL).err().and_then(|error| error.errno());
    muted(|| running.kill())?;
    let gone = refused == Some(nix::errno::Errno::ESRCH);
    if still && gone {
        conclude(
            "kill succeeded and changed nothing; the parent's wait ended it, and its number is nobody's now",
        );
    }
    step("A parent that ignores SIGCHLD has a child that exits");
    let automatic = left(boxed("ignore CHLD; fork exit 0; fork exit 0; hold")?)?;
    if automatic == 0 {
        conclude("the kernel buries such children itself; their statuses are lost");
    }
    findings.holds("C042", still && gone && automatic == 0);
    Ok(())
}

fn left(container: Container) -> Result<usize> {
    let running = muted(|| started(container, "ready"))?;
    comes_true(|| Ok(family(&running)?.is_empty()))?;
    let left = family(&running)?.len();
    evidence("children of PID 1, zombies included", left);
    muted(|| running.kill())?;
    Ok(left)
}
