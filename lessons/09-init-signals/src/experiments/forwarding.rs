//! tini and the kit's init, side by side.

use clone_pid::{Container, Running};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::Process;
use ground::story::{box_evidence, conclude, muted, step};
use init_signals::{Init, signal_names};

use crate::stage::{children, comes_true, command, probe_path, started, until};

pub const EXPERIMENT: Experiment = Experiment {
    name: "forwarding",
    title: "which signals an init passes on, and to whom",
    level: Level::Deep,
    claims: &["C035"],
    needs: &[Need::Admin, Need::Clone3, Need::Tini],
    run,
};

const CHLD: u64 = 1 << 16;
/// SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS: what a processor or the kernel says of a process's own doing.
const FAULTS: u64 = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 10 | 1 << 30;
/// SIGTTIN and SIGTTOU.
const BACKGROUND: u64 = 1 << 20 | 1 << 21;
/// All but SIGKILL and SIGSTOP, which nobody can forward.
const ALL: u64 = ((1 << 31) - 1) & !(1 << 8) & !(1 << 18);

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "tini as PID 1; its child has a handler for each signal from 1 to 31. The host sends them all to tini",
    );
    let probe = probe_path()?;
    let tini = received(command(&["tini", "--", &probe, "listen", "all", "34"])?)?;
    step("The same with the kit's init");
    let ours = received(command(&[&probe, "listen", "all", "34"])?.with(Init::wanted(true)))?;
    if ours == ALL & !CHLD {
        conclude("it forwards all but SIGCHLD, which is for itself: also what tini leaves to fate");
    }
    step(
        "A shell between tini and a grandchild; the host sends SIGTERM to tini, without and with -g",
    );
    let alone = grandchild_hears(&[])?;
    let group = grandchild_hears(&["-g"])?;
    if !alone && group {
        conclude("the direct child only, unless -g sends to its whole process group");
    }
    findings.because("only to the direct child unless -g, and not the signals of faults, nor SIGTTIN and SIGTTOU");
    let most = ALL & !CHLD & !FAULTS & !BACKGROUND;
    findings.partly(
        "C035",
        tini & most == most && tini & CHLD == 0,
        tini == most && !alone && group,
    );
    Ok(())
}

/// The signals that arrive behind an init, of all that are sent to it.
fn received(container: Container) -> Result<u64> {
    let mut running = started(container, "ready")?;
    let mut mask = 0;
    let first = running.child().pid();
    let settled = |pid| {
        let status = Process::of(pid).status()?;
        Ok::<_, ground::Error>(status.signals.pending == 0 && status.state == 'S')
    };
    for signal in (1..=31).filter(|signal| ALL >> (signal - 1) & 1 == 1) {
        muted(|| running.signal(signal))?;
        // One after the other: a pending SIGCONT is discarded when a signal comes that stops, and the reverse.
        comes_true(|| Ok(settled(first)? && settled(children(first)?[0])?))?;
    }
    for line in heard_until(&mut running, 34)? {
        let number = init::signal::parse(line.trim_start_matches("got ").as_bytes()).unwrap_or(0);
        mask |= 1_u64.checked_shl(number as u32 - 1).unwrap_or(0);
    }
    muted(|| running.kill())?;
    box_evidence("not received", signal_names(ALL & !mask));
    Ok(mask)
}

fn heard_until(running: &mut Running, last: i32) -> Result<Vec<String>> {
    muted(|| running.signal(last))?;
    until(running, &format!("got {last}"))
}

/// Whether SIGTERM to tini reaches the child of a shell that is tini's child.
fn grandchild_hears(options: &[&str]) -> Result<bool> {
    let probe = probe_path()?;
    // The shell itself forwards nothing, and outlives SIGTERM by a handler.
    let script = format!("trap : TERM; {probe} listen TERM USR1 & wait; wait; wait");
    let words = [&["tini"], options, &["--", "sh", "-c", &script]].concat();
    let mut running = muted(|| started(command(&words)?, "ready"))?;
    running.signal(libc::SIGTERM)?;
    ground::interrupt::sleep(std::time::Duration::from_millis(50));
    let shell = children(running.child().pid())?[0];
    let grandchild = children(shell)?[0];
    muted(|| crate::stage::send(grandchild, nix::sys::signal::Signal::SIGUSR1))?;
    let before = until(&mut running, "got SIGUSR1")?;
    muted(|| running.kill())?;
    let heard = before.iter().any(|line| line == "got SIGTERM");
    box_evidence("the grandchild got", if heard { "SIGTERM" } else { "nothing" });
    Ok(heard)
}
