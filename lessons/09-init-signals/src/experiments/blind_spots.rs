//! What `SigCgt` does not show.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use init_signals::{Fate, Handling, signal_names};

use crate::stage::{STANDARD, boxed, reaches, started, with_init};

pub const EXPERIMENT: Experiment = Experiment {
    name: "blind-spots",
    title: "SigCgt shows handlers, and not who takes signals in other ways",
    level: Level::Deep,
    claims: &["C027"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

const TERM: u64 = 1 << 14;

fn run(findings: &mut Findings) -> Result<()> {
    let read = |what: &str, script: &str| {
        step(what);
        handling(boxed(script)?)
    };
    let handler = read("A handler for SIGTERM", "listen TERM")?;
    let ignored = read("SIGTERM ignored", "ignore TERM; hold")?;
    let blocked = read("SIGTERM blocked", "block TERM; hold")?;
    let signalfd = read("A signalfd for SIGTERM", "signalfd TERM; hold")?;
    let waiting = read("In sigtimedwait for SIGTERM", "take TERM")?;
    step("And an init, which forwards SIGTERM");
    let init = handling(with_init("hold")?)?;

    let shown = handler.0.caught == TERM
        && ignored.0.ignored & STANDARD == TERM
        && blocked.0.blocked & STANDARD == TERM;
    let decoded = (handler.fate(15), ignored.fate(15), blocked.fate(15))
        == (Fate::Caught, Fate::Ignored, Fate::Blocked);
    let shows =
        |handling: &Handling, mask| (handling.0.caught, handling.0.blocked & STANDARD) == (0, mask);
    let hidden = shows(&signalfd, TERM) && shows(&waiting, 0) && shows(&init, 0);
    if shown && hidden {
        conclude(
            "three masks for three ways, and a fourth way without any: while it waits, what it waits for is unblocked",
        );
    }
    findings.because(
        "SigCgt shows handlers only; who takes signals by signalfd or sigtimedwait has none",
    );
    findings.partly("C027", shown && decoded, hidden);
    Ok(())
}

fn handling(container: clone_pid::Container) -> Result<Handling> {
    let running = muted(|| started(container, "ready"))?;
    // What is said before a wait begins is said too early.
    reaches(running.child().pid(), "S")?;
    let handling = Handling::of(&running.child().process())?;
    for (key, mask) in [
        ("SigCgt", handling.0.caught),
        ("SigIgn", handling.0.ignored),
        ("SigBlk", handling.0.blocked),
    ] {
        let mask = mask & STANDARD;
        evidence(key, format!("…{mask:08x} {}", signal_names(mask)));
    }
    muted(|| running.kill())?;
    Ok(handling)
}
