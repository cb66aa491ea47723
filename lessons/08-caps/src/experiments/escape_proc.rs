//! Files of /proc that act on the whole machine.

use std::path::Path;

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::muted;

use crate::attack::{self, Escape, Outcome, Protection, boxed, sealed, twice};

pub const EXPERIMENT: Experiment = Experiment {
    name: "escape-proc",
    title: "core_pattern and sysrq-trigger can be opened for writing, until they cannot",
    level: Level::Deep,
    claims: &["C238"],
    needs: &[Need::InitialRoot, Need::Clone3],
    run,
};

pub const ESCAPE: Escape = Escape {
    name: "core_pattern, sysrq-trigger",
    known: "at the next crash the host runs what the box wrote",
    open: "a /proc of its own, writable like the host's",
    closed: "/proc/sys read-only",
    needs: &[Need::InitialRoot],
    attempt,
};

/// Opened and not written: written, it would have the host run a program at the next crash.
const PATTERN: &str = "/proc/sys/kernel/core_pattern";
/// Not in every kernel. Written, it can stop the machine.
const SYSRQ: &str = "/proc/sysrq-trigger";

fn run(findings: &mut Findings) -> Result<()> {
    twice(&ESCAPE, findings).map(drop)
}

fn attempt(protection: Protection) -> Result<Outcome> {
    let open = |file| attack::run(sealed(boxed(&["open-write", file])?, protection)?);
    let mut text = open(PATTERN)?;
    if Path::new(SYSRQ).exists() {
        text += &muted(|| open(SYSRQ))?;
    }
    let opened = text.contains("O_WRONLY) = 0");
    Ok(Outcome::of(&text, opened.then_some("opened it for writing")))
}
