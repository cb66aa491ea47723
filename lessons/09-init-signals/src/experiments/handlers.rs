//! Who has handlers without having asked for them.

use ground::Result;
use ground::call::quietly;
use ground::lesson::{Experiment, Findings, Level, run_dir};
use ground::needs::Need;
use ground::proc::Process;
use ground::story::{conclude, evidence, muted, step};
use ground::text::name;
use init_signals::{Handling, signal_names};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::stage::{boxed, comes_true, command, started};

pub const EXPERIMENT: Experiment = Experiment {
    name: "handlers",
    title: "a C program has no handlers, a Rust program has two, a Go program has many",
    level: Level::Deep,
    claims: &["C025"],
    needs: &[Need::Admin, Need::Clone3, Need::Runc],
    run,
};

const SEGV_AND_BUS: u64 = 1 << 10 | 1 << 6;
const PIPE: u64 = 1 << 12;

fn run(findings: &mut Findings) -> Result<()> {
    step("A program with C's main and nothing else: the probe");
    let running = muted(|| started(boxed("hold")?, "ready"))?;
    let c = told(&running.child().process())?;
    muted(|| running.kill())?;
    step("A program with the standard library of Rust: this one");
    let rust = told(&Process::this())?;
    step("A program in Go: runc, which here waits for somebody to read its log");
    let go = of_go()?;
    let many = go.0.caught.count_ones() > 20;
    let two = rust.0.caught == SEGV_AND_BUS && rust.0.ignored & PIPE != 0;
    if c.0.caught == 0 && two && many {
        conclude(
            "Go's runtime catches nearly everything, also as PID 1; Rust's two are for stack overflows, and SIGPIPE it ignores",
        );
    }
    findings.holds("C025", c.0.caught == 0 && many);
    Ok(())
}

fn told(process: &Process) -> Result<Handling> {
    let handling = Handling::of(process)?;
    evidence("SigCgt", signal_names(handling.0.caught));
    evidence(
        "SigIgn, SIGPIPE",
        if handling.0.ignored & PIPE != 0 { "ignored" } else { "not ignored" },
    );
    Ok(handling)
}

/// Opening a FIFO for writing waits for a reader, who never comes.
fn of_go() -> Result<Handling> {
    let log = run_dir()?.join("log");
    quietly("mkfifo for runc's log").run(|| mkfifo(&log, Mode::S_IRUSR | Mode::S_IWUSR))?;
    let words = ["runc", "--log", &log.to_string_lossy(), "list"];
    let running = muted(|| command(&words)?.start())?;
    let process = running.child().process();
    comes_true(|| Ok(Handling::of(&process)?.0.caught.count_ones() > 20))?;
    let handling = Handling::of(&process)?;
    muted(|| running.kill())?;
    evidence("SigCgt", name(signal_names(handling.0.caught)));
    evidence("of 64 signals caught", name(handling.0.caught.count_ones()));
    Ok(handling)
}
