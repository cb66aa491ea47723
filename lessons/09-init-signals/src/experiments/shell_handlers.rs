//! bash.

use std::os::fd::OwnedFd;

use clone_pid::{Container, PidNamespace, Running};
use ground::Result;
use ground::call::quietly;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use init_signals::{Handling, signal_names};
use nix::pty::openpty;
use nix::unistd::pipe;

use crate::stage::{STANDARD, comes_true, command};

pub const EXPERIMENT: Experiment = Experiment {
    name: "shell-handlers",
    title: "how many signals bash catches depends on how it was started",
    level: Level::Deep,
    claims: &["C026"],
    needs: &[Need::Admin, Need::Clone3, Need::Bash],
    run,
};

const INT: u64 = 1 << 1;
const TERM: u64 = 1 << 14;
const CHLD: u64 = 1 << 16;

fn run(findings: &mut Findings) -> Result<()> {
    step("bash with a script");
    let script = told(&muted(|| command(&["bash", "-c", "sleep 60; :"])?.start())?, CHLD)?;
    step("bash that reads commands from a pipe");
    let (input, commands) = quietly("make a pipe").run(pipe)?;
    let piped = told(&muted(|| bash(&["bash"], input, None)?.start())?, CHLD)?;
    drop(commands);
    step("bash on a terminal");
    let pty = quietly("openpty").run(|| openpty(None, None))?;
    let copy = quietly("dup the terminal").run(|| pty.slave.try_clone())?;
    let interactive = ["bash", "--norc", "--noprofile", "-i"];
    let running = muted(|| bash(&interactive, pty.slave, Some(copy))?.start())?;
    let terminal = told(&running, 1)?;
    drop((running, pty.master));

    let two = script.0.caught == INT | CHLD;
    let fewer = piped.0.caught == CHLD;
    let many = terminal.0.caught.count_ones() > 10 && terminal.0.ignored & TERM != 0;
    if two && many {
        conclude(
            "two for a script. On a terminal it looks after jobs and its history: it catches many, and ignores SIGTERM",
        );
    }
    findings.because("two handlers only for a script; one with commands from a pipe, and many on a terminal, where SIGTERM is ignored");
    findings.partly("C026", two, fewer && many);
    Ok(())
}

fn bash(words: &[&str], input: OwnedFd, terminal: Option<OwnedFd>) -> Result<Container> {
    let container = Container::new(words)?.with(PidNamespace);
    let null = quietly("open /dev/null").run(|| std::fs::File::create("/dev/null"))?;
    let out = match terminal {
        Some(terminal) => terminal,
        None => null.into(),
    };
    let error = quietly("dup standard output").run(|| out.try_clone())?;
    Ok(container.stdio([Some(input), Some(out), Some(error)]))
}

/// The masks when it has installed what `sign` shows.
fn told(running: &Running, sign: u64) -> Result<Handling> {
    let process = running.child().process();
    comes_true(|| Ok(Handling::of(&process)?.0.caught & sign == sign))?;
    // It installs one after the other.
    ground::interrupt::sleep(std::time::Duration::from_millis(50));
    let handling = Handling::of(&process)?;
    evidence("SigCgt", signal_names(handling.0.caught));
    evidence("SigIgn", signal_names(handling.0.ignored & STANDARD));
    Ok(handling)
}
