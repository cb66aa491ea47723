//! Signal by sender by what PID 1 does about it.

use std::collections::BTreeMap;

use clone_pid::{Running, Status};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use init_signals::signal_names;

use crate::stage::{boxed, comes_true, reaches, started};

pub const EXPERIMENT: Experiment = Experiment {
    name: "matrix",
    title: "31 signals, two senders, three ways to handle them: what reaches PID 1",
    level: Level::Deep,
    claims: &["C033"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

/// What became of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Nothing,
    Handler,
    Stopped,
    Killed,
}

/// Outcomes, each with its signals as a mask.
type Row = BTreeMap<Outcome, u64>;

const KILL: u64 = 1 << 8;
const STOP: u64 = 1 << 18;
const ALL: u64 = (1 << 31) - 1;
const OTHERS: u64 = ALL & !KILL & !STOP;

fn run(findings: &mut Findings) -> Result<()> {
    let mut rows = Vec::new();
    for (what, script) in [
        ("default actions", "hold"),
        ("all ignored", "ignore all; hold"),
        ("all caught", "listen all"),
    ] {
        for from_host in [false, true] {
            let sender = if from_host { "the host" } else { "inside" };
            step(format!("PID 1 with {what}; signals 1 to 31 from {sender}"));
            rows.push(told(muted(|| row(script, from_host))?));
        }
    }
    let inside = rows[0] == Row::from([(Outcome::Nothing, ALL)]);
    let above =
        Row::from([(Outcome::Nothing, OTHERS), (Outcome::Stopped, STOP), (Outcome::Killed, KILL)]);
    let caught =
        rows[4] == Row::from([(Outcome::Nothing, KILL | STOP), (Outcome::Handler, OTHERS)]);
    if inside && rows[1] == above && caught {
        conclude(
            "default actions count for nothing; KILL and STOP are for those above; a handler is for everybody",
        );
    }
    step("Faults of PID 1's own: what its processor refuses");
    let faults = faults()?;
    if faults {
        conclude(
            "a fault is no message that could be dropped: PID 1 cannot go on, so it dies, and by abort() as well",
        );
    }
    findings.because("SIGKILL and SIGSTOP from an ancestor namespace pass, and faults kill");
    findings.partly("C033", inside && rows[2] == rows[0] && caught, rows[1] == above && faults);
    Ok(())
}

fn told(row: Row) -> Row {
    for (outcome, mask) in &row {
        let names = match *mask {
            ALL => "all 31".to_string(),
            OTHERS => "all but SIGKILL and SIGSTOP".to_string(),
            mask => signal_names(mask),
        };
        evidence(format!("{outcome:?}").to_lowercase(), names);
    }
    row
}

/// One box takes signal after signal; whenever it was killed there is a new one.
fn row(script: &str, from_host: bool) -> Result<Row> {
    let mut row = Row::new();
    let mut running = started(boxed(script)?, "ready")?;
    for signal in 1..=31 {
        match from_host {
            true => running.signal(signal)?,
            false => drop(crate::stage::guest(&running, &format!("kill 1 {signal}"))?),
        }
        let outcome = outcome(&mut running, script.starts_with("listen"), signal)?;
        *row.entry(outcome).or_default() |= 1 << (signal - 1);
        if outcome == Outcome::Killed {
            running = started(boxed(script)?, "ready")?;
        }
    }
    running.kill()?;
    Ok(row)
}

fn outcome(running: &mut Running, listens: bool, signal: i32) -> Result<Outcome> {
    let pid = running.child().pid();
    if listens && ![libc::SIGKILL, libc::SIGSTOP].contains(&signal) {
        let line = running.line()?.unwrap_or_default();
        return Ok(if line.starts_with("got ") { Outcome::Handler } else { Outcome::Nothing });
    }
    let mut outcome = Outcome::Nothing;
    comes_true(|| {
        let status = running.child().process().status()?;
        outcome = match status.state {
            'Z' | 'X' => Outcome::Killed,
            'T' => Outcome::Stopped,
            _ => Outcome::Nothing,
        };
        // What was not dropped is pending until the process acts on it.
        Ok(outcome != Outcome::Nothing || status.state == 'S' && status.signals.pending == 0)
    })?;
    if outcome == Outcome::Stopped {
        running.signal(libc::SIGCONT)?;
        reaches(pid, "S")?;
    }
    Ok(outcome)
}

fn faults() -> Result<bool> {
    let mut as_told = true;
    for (verb, what, signal) in [
        ("fault", "read address 0", libc::SIGSEGV),
        ("illegal-instruction", "execute what is no instruction", libc::SIGILL),
        ("abort", "abort()", libc::SIGSEGV),
    ] {
        let status = muted(|| boxed(verb)?.start()?.wait())?;
        box_evidence(what, status);
        as_told &= status == Status::Killed(signal);
    }
    Ok(as_told)
}
