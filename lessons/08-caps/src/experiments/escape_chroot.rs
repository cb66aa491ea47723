//! The oldest way out.

use chroot::Jail;
use clone_pid::{Container, PidNamespace};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use mount_ns::MountNamespace;

use crate::attack::{self, Escape, Outcome, PROBE, Protection, SECRET, boxed, root, secret, twice};
use crate::stage::protected;

pub const EXPERIMENT: Experiment = Experiment {
    name: "escape-chroot",
    title: "CAP_SYS_CHROOT leads out of a chroot, and not out of a pivoted root",
    level: Level::Deep,
    claims: &["C238"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

pub const ESCAPE: Escape = Escape {
    name: "a second chroot",
    known: "chroot(2), NOTES",
    open: "a box made by chroot, whose root still has CAP_SYS_CHROOT",
    closed: "pivot_root",
    needs: &[],
    attempt,
};

fn run(findings: &mut Findings) -> Result<()> {
    twice(&ESCAPE, findings).map(drop)
}

fn attempt(protection: Protection) -> Result<Outcome> {
    let marker = secret()?.display().to_string();
    let verb = ["escape-chroot", &marker];
    let container = match protection {
        Protection::Off => Container::new(&[&[PROBE], &verb[..]].concat())?
            .with(PidNamespace)
            .with(MountNamespace::private())
            .with(Jail(root()?))
            .capture()?,
        Protection::On => protected(boxed(&verb)?)?,
    };
    let text = attack::run(container)?;
    let read = text.lines().any(|line| line.strip_prefix("marker ") == Some(SECRET));
    // In a pivoted box every call succeeds, and the marker still has no name.
    let missed = text.lines().find_map(|line| line.strip_prefix("marker ")).unwrap_or("nothing");
    Ok(Outcome {
        out: read,
        said: if read { "read what is the host's" } else { missed }.to_string(),
    })
}
