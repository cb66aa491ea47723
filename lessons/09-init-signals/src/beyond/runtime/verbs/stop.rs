//! `stop`: a signal, time to obey it, and then the end.

use std::time::{Duration, Instant};

use clap::{ArgMatches, Args, Parser};
use clone_pid::Child;
use ground::error::Kind;
use ground::interrupt::{self, Woken};
use ground::{Error, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::os::fd::AsFd;

use super::pause::thaw;
use super::{arguments, each};
use crate::beyond::runtime::boxed::Boxed;
use crate::beyond::runtime::flags::signal;
use crate::beyond::runtime::record::{State, Status};
use crate::beyond::runtime::sys;

/// Which boxes to end, and how gently.
#[derive(Args)]
pub(super) struct Ending {
    /// What is sent first, in place of --stop-signal
    #[arg(short, long, value_name = "SIGNAL", value_parser = signal)]
    pub signal: Option<i32>,
    /// Seconds until SIGKILL, in place of --stop-timeout; -1 waits for ever
    #[arg(
        short,
        long = "timeout",
        visible_alias = "time",
        value_name = "SECONDS",
        allow_negative_numbers = true
    )]
    pub timeout: Option<i64>,
    /// Names, or beginnings of IDs
    #[arg(required = true, value_name = "BOX")]
    pub boxes: Vec<String>,
}

/// Stop boxes: a signal, time, SIGKILL
#[derive(Parser)]
#[command(name = "stop")]
pub(super) struct Stop {
    #[command(flatten)]
    ending: Ending,
}

pub(super) fn run(matches: &ArgMatches) -> Result<u8> {
    let Stop { ending: Ending { signal, timeout, boxes } } = arguments(matches)?;
    each(&boxes, |_, boxed| stop(boxed, signal, timeout))
}

// ANCHOR: stop
/// Ends a box, and returns when its monitor has written that down. No policy starts it again.
pub(super) fn stop(boxed: &Boxed, signal: Option<i32>, timeout: Option<i64>) -> Result<()> {
    let state = boxed.look()?;
    if !state.status.lives() {
        return Ok(());
    }
    // On a full disk no policy starts it again either: its monitor finds that it cannot write.
    let _ = boxed.update(|state| state.stopped = true);
    let flags = boxed.spec.understand(&[], None)?.0.runtime;
    let signal = signal.or(flags.stop_signal).unwrap_or(libc::SIGTERM);
    let grace = timeout.or(flags.stop_timeout).unwrap_or(10);
    let grace = u64::try_from(grace).ok().map(Duration::from_secs);
    settled(boxed, |state, first| end(boxed, state, first, signal, grace))
}

fn end(
    boxed: &Boxed,
    state: &State,
    first: &Child,
    signal: i32,
    grace: Option<Duration>,
) -> Result<()> {
    send(first, signal)?;
    // What is frozen takes the signal when it goes on.
    if state.status == Status::Paused {
        thaw(boxed, state)?;
    }
    let woken = interrupt::wait(Some(first.as_fd()), grace);
    if woken == Woken::Signal {
        interrupt::check();
    }
    if woken == Woken::TimedOut { send(first, libc::SIGKILL) } else { Ok(()) }
}
// ANCHOR_END: stop

/// Sends a signal to the first process of a box. Gone already is fine.
pub(super) fn send(first: &Child, signal: i32) -> Result<()> {
    match sys::signal(first.as_fd(), signal) {
        Ok(()) | Err(nix::errno::Errno::ESRCH) => Ok(()),
        Err(errno) => Err(Error::os(format_args!("pidfd_send_signal {signal}"), errno)),
    }
}

fn wake(state: &State) {
    let _ = kill(Pid::from_raw(state.monitor), Signal::SIGTERM);
}

/// Ends one process after another until it is written down that the box has ended: its monitor may have been about to start
/// it again when it was told not to.
fn settled(boxed: &Boxed, end: impl Fn(&State, &Child) -> Result<()>) -> Result<()> {
    let (mut asked, mut begin) = (None, Instant::now());
    // Removed is ended, too.
    while let Some(state) = boxed.look().ok().filter(|state| state.status.lives()) {
        match boxed.first(&state) {
            Ok(first) if asked != state.pid => {
                end(&state, &first)?;
                (asked, begin) = (state.pid, Instant::now());
            }
            // Somebody has frozen it meanwhile. In cgroup v1 not even SIGKILL reaches it then.
            Ok(_) if state.status == Status::Paused => thaw(boxed, &state)?,
            // Between two starts: its monitor waits, and is told by a signal.
            Err(_) if state.status == Status::Restarting => wake(&state),
            _ => {}
        }
        if begin.elapsed() > Duration::from_secs(20) {
            let what = format!("{} does not end", boxed.spec.name);
            return Err(Error::new(Kind::Failed, what)
                .remedy("a process of it is stuck in the kernel, or its monitor is stopped"));
        }
        interrupt::sleep(Duration::from_millis(2));
    }
    Ok(())
}
