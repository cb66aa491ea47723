//! Ctrl-C and friends, so that nothing stays behind on the host.
//!
//! A lesson blocks the signals that would end it and looks for them wherever it waits or tells a step. One that came
//! unwinds the stack: every guard on it undoes what it owns, and `main` ends with status 128+n. Nothing runs in a signal
//! handler, no thread is needed, and a `SIGKILL` is left to the sweeper ([`crate::host`]).

use std::os::fd::{AsFd, BorrowedFd};
use std::panic;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};

use crate::call::quietly;
use crate::error::Result;

static SIGNALS: OnceLock<SignalFd> = OnceLock::new();

/// The payload of the unwinding: the signal that asked for the end.
pub struct Interrupted(pub Signal);

/// The signals that would end a lesson.
pub const ENDING: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

/// Blocks the ending signals; from now on they are found by [`check`] and at every wait of this module.
/// See signalfd(2).
pub fn block() -> Result<()> {
    let mask: SigSet = ENDING.into_iter().collect();
    quietly("block the ending signals").run(|| mask.thread_block())?;
    let fd = quietly("signalfd for the ending signals")
        .run(|| SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC))?;
    let _ = SIGNALS.set(fd);
    Ok(())
}

/// The next pending signal, taken from the queue.
pub fn take() -> Option<siginfo> {
    SIGNALS.get().and_then(|fd| fd.read_signal().ok().flatten())
}

/// Readable while an ending signal is pending: for whoever waits for several things at once.
pub fn pending() -> Option<BorrowedFd<'static>> {
    SIGNALS.get().map(SignalFd::as_fd)
}

/// Unwinds when an ending signal is pending.
pub fn check() {
    if let Some(info) = take() {
        let signal = Signal::try_from(info.ssi_signo as i32).unwrap_or(Signal::SIGTERM);
        panic::resume_unwind(Box::new(Interrupted(signal)));
    }
}

/// What a wait ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The descriptor is readable, or at its end.
    Ready,
    /// An ending signal is pending; [`take`] takes it.
    Signal,
    /// Time ran out.
    TimedOut,
}

/// Waits until `fd` is readable, an ending signal is pending, or `timeout` is over.
pub fn wait(fd: Option<BorrowedFd<'_>>, timeout: Option<Duration>) -> Woken {
    let mut fds = Vec::with_capacity(2);
    fds.extend(SIGNALS.get().map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN)));
    let signals = fds.len();
    fds.extend(fd.map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
    let until = timeout.map(|t| Instant::now() + t);
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let timeout = left.map_or(PollTimeout::NONE, poll_timeout);
        // EINTR: a signal that is not ours to handle (SIGWINCH, SIGCONT); look again.
        let _ = poll(&mut fds, timeout);
        let ready = |fd: &PollFd<'_>| fd.revents().is_some_and(|r| !r.is_empty());
        if fds[..signals].iter().any(ready) {
            return Woken::Signal;
        }
        if fds[signals..].iter().any(ready) {
            return Woken::Ready;
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            return Woken::TimedOut;
        }
    }
}

/// Waits until `fd` is readable; an ending signal unwinds.
pub fn wait_readable(fd: BorrowedFd<'_>) {
    while wait(Some(fd), None) == Woken::Signal {
        check();
    }
}

/// Sleeps; an ending signal unwinds.
pub fn sleep(duration: Duration) {
    if wait(None, Some(duration)) == Woken::Signal {
        check();
    }
}

/// Rounds up to a millisecond, so that a wait never spins.
fn poll_timeout(left: Duration) -> PollTimeout {
    let millis = left.as_nanos().div_ceil(1_000_000);
    i32::try_from(millis)
        .ok()
        .and_then(|ms| PollTimeout::try_from(ms).ok())
        .unwrap_or(PollTimeout::MAX)
}
