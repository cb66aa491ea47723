//! The [`Run`] of this process, begun when somebody first asks for its name.
//!
//! A process that only looks (`ps`, `logs`) never begins one. One that starts a monitor must not: the monitor begins its own
//! after the fork, and everything of its box carries that name.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use crate::error::{Error, Result};
use crate::host::{self, Run};

/// Set when a lesson has been started: from then on a run may begin.
static ALLOWED: OnceLock<()> = OnceLock::new();

/// Name and directory, for the rest of this process.
static KNOWN: OnceLock<Result<Known>> = OnceLock::new();

/// The lock of a run that is ours.
static OURS: Mutex<Option<Run>> = Mutex::new(None);

struct Known {
    name: String,
    dir: PathBuf,
}

/// Name of this run, `bxw-UID-run-PID`: for everything made on the host.
pub fn run_name() -> &'static str {
    known().map_or("bxw", |known| &known.name)
}

/// A directory of this run's own on the host.
pub fn run_dir() -> Result<&'static Path> {
    known().map(|known| known.dir.as_path())
}

/// Begins the run, if that has not happened.
///
/// # Errors
/// What kept it from beginning; nothing outside of a lesson, where there is none.
pub fn begin_run() -> Result<()> {
    match ALLOWED.get() {
        Some(()) => known().map(drop),
        None => Ok(()),
    }
}

/// Takes the name of another process's run, whose box this one works for.
pub fn adopt_run(name: &str) -> Result<()> {
    let run = name.find("run-").map_or(name, |at| &name[at..]);
    let known = Known { name: name.to_string(), dir: host::state_dir()?.join(run) };
    KNOWN.set(Ok(known)).map_err(|_| Error::environment("this process has a run of its own"))
}

/// Ends the run: its directory is removed. Nothing may be made for it any more.
pub fn end_run() {
    let run = OURS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
    drop(run);
}

/// From now on a run may begin. The state directory is settled here: after a change of users it would be another one.
pub(super) fn allow() -> Result<Ends> {
    host::state_dir()?;
    let _ = ALLOWED.set(());
    Ok(Ends)
}

/// Ends the run when the lesson ends, by unwinding as well.
pub(super) struct Ends;

impl Drop for Ends {
    fn drop(&mut self) {
        end_run();
        // Goes with its last user.
        let _ = host::state_dir().map(std::fs::remove_dir);
    }
}

fn known() -> Result<&'static Known> {
    if ALLOWED.get().is_none() && KNOWN.get().is_none() {
        return Err(Error::environment("no lesson is running"));
    }
    KNOWN.get_or_init(begin).as_ref().map_err(Clone::clone)
}

fn begin() -> Result<Known> {
    let run = Run::begin()?;
    let known = Known { name: run.name(), dir: run.dir().to_path_buf() };
    *OURS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(run);
    Ok(known)
}
