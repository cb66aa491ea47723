//! The monitor: what containerd-shim and conmon do. A process for each box that nobody waits for in a terminal.
//!
//! It is the parent of the box, so the box dies with it; it outlives whoever asked for the box, keeps what the box reads and
//! writes, writes the log, serves those who are attached, and writes down how the box ended. It is a fork of the runtime,
//! made before this process has a run of its own, so that all objects of the box carry the name of the monitor's run, and
//! the sweeper's rule holds: they are alive as long as that run is.
//!
//! ```text
//! run -d, start            monitor                              box
//!   fork ──────────────────▶ setsid, run, lock
//!                            prepare, clone ──────────────────▶ enter, seal, execve
//!   ready ◀───────────────── pipes or terminal ◀──────────────▶ reads and writes
//!   (goes, or stays attached) log, attached clients
//!                            ◀──────────────────────────────── ends
//!                            release, state, restart?
//! ```

mod ends;
mod life;
pub mod log;
pub mod reader;
mod relay;
pub mod wire;

use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::panic::{self, AssertUnwindSafe};

use ground::call::quietly;
use ground::error::Kind;
use ground::lesson::end_run;
use ground::{Error, Result, interrupt, story};
use nix::fcntl::{OFlag, open};
use nix::sys::prctl;
use nix::sys::stat::Mode;
use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout, setsid};

use super::boxed::Boxed;
use super::compose::PartsList;
use super::store::Store;
use super::sys;
use super::terminal::Size;
use wire::{Message, Wire};

/// Forks a monitor for a box, and waits until the box runs. What is returned is attached to it.
///
/// # Errors
/// What kept the box from running, in the words of the monitor.
pub fn launch<P: PartsList>(boxed: &Boxed, size: Option<Size>) -> Result<Wire> {
    let (ours, theirs) = Wire::pair()?;
    let _ = std::io::stdout().flush();
    match quietly("fork the monitor").run(sys::fork)? {
        None => {
            drop(ours);
            monitor::<P>(boxed, theirs, size)
        }
        Some(_) => {
            drop(theirs);
            match ours.receive() {
                Some(Message::Ready) => Ok(ours),
                Some(Message::Failed(error)) => Err(error),
                _ => Err(Error::new(Kind::Failed, "the monitor was killed")),
            }
        }
    }
}

/// The life of the monitor.
fn monitor<P: PartsList>(boxed: &Boxed, starter: Wire, size: Option<Size>) -> ! {
    let starter = AssertUnwindSafe(starter);
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
        separate(&starter.0)?;
        life::Life::<P>::begin(boxed, starter.0, size)?.run()
    }));
    if boxed.spec.auto_remove {
        // What cannot be removed now is shown by `ps -a`.
        let _ = Store::open().and_then(|store| store.remove(boxed));
    }
    end_run();
    crate::sys::exit_now(u8::from(!matches!(outcome, Ok(Ok(())))))
}

/// Leaves the starter's session, so that no terminal ends it, and its descriptors.
fn separate(starter: &Wire) -> Result<()> {
    use std::os::fd::AsFd;
    let _ = story::stop();
    let signals = interrupt::pending().map(|fd| fd.as_raw_fd());
    let keep: Vec<_> = signals.into_iter().chain([starter.as_fd().as_raw_fd()]).collect();
    sys::close_all_but(&keep);
    quietly("setsid").run(setsid)?;
    let _ = prctl::set_name(c"bxw-monitor");
    let null = null()?;
    let what = "dup2 to standard input, output and error";
    quietly(what).run(|| dup2_stdin(&null))?;
    quietly(what).run(|| dup2_stdout(&null))?;
    quietly(what).run(|| dup2_stderr(&null))
}

/// `/dev/null`.
pub(super) fn null() -> Result<OwnedFd> {
    let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC;
    quietly("open /dev/null").run(|| open("/dev/null", flags, Mode::empty()))
}
