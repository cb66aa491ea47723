//! Orphans come to PID 1, whatever it is. Whether somebody waits for them depends on what it is.

use clone_pid::Container;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};

use crate::stage::{boxed, comes_true, command, family, probe_path, started, with_init, zombies};

pub const EXPERIMENT: Experiment = Experiment {
    name: "adopted",
    title: "every orphan becomes a child of PID 1; whether it is waited for is PID 1's affair",
    level: Level::Core,
    claims: &["C021"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "PID 1 is a program that waits for its own children only. Two grandchildren lose their parent, and end",
    );
    let plain = buried(boxed("orphans 2 20; hold")?, (2, 2))?;
    if plain == (2, 2) {
        conclude(
            "both became children of PID 1, and both stay: nobody there expects a child that it did not make",
        );
    }
    step("The same with a shell as PID 1");
    let probe = probe_path()?;
    let script = format!("{probe} orphans 2 20; {probe} hold; :");
    let shell = buried(command(&["sh", "-c", &script])?, (1, 0))?;
    step("…and with an init");
    let init = buried(with_init("orphans 2 20; hold")?, (1, 0))?;
    if shell == (1, 0) && init == (1, 0) {
        conclude(
            "a shell waits for whichever child has ended, and so does an init: one living child is left, the command",
        );
    }
    findings.because("the kernel makes every orphan a child of PID 1, whatever that is; what an application lacks is the wait");
    findings.partly("C021", plain == (2, 2), shell == (1, 0) && init == (1, 0));
    Ok(())
}

/// Children of PID 1, and how many of them are zombies: when it is as expected, or after a while.
fn buried(container: Container, expected: (usize, usize)) -> Result<(usize, usize)> {
    let running = started(container, "ready")?;
    let counted = || Ok::<_, ground::Error>((family(&running)?.len(), zombies(&running)?));
    // The orphans live 20 ms.
    comes_true(|| Ok(counted()? == expected))?;
    let (all, zombies) = counted()?;
    let process = running.child().process();
    let file = process.file("task/…/children");
    evidence(file, format!("{all}, of them zombies: {zombies}"));
    muted(|| running.kill())?;
    Ok((all, zombies))
}
