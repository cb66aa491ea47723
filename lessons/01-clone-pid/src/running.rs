//! A container that was made ([`Created`]) and one that runs ([`Running`]): follow its story, wait, pass signals on.

use std::fmt::{self, Display};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use ground::call::{doing, quietly};
use ground::card::Card;
use ground::interrupt::{self, Woken};
use ground::text::{pid, without_marks};
use ground::{Result, story};
use nix::sys::signal::Signal;

use crate::container::Container;
use crate::part::{Child, Parts};
use crate::sys;
use crate::telegraph::{Message, Telegraph};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// By exit(3), with this status.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

impl Status {
    /// The status that a shell, and `run`, would give: 128+n for signal n.
    pub fn code(self) -> u8 {
        match self {
            Status::Exited(status) => status as u8,
            Status::Killed(signal) => 128u8.wrapping_add(signal as u8),
        }
    }
}

impl Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Status::Exited(status) => write!(f, "exited with status {status}"),
            Status::Killed(signal) => match Signal::try_from(signal) {
                Ok(name) => write!(f, "killed by {name}"),
                Err(_) => write!(f, "killed by signal {signal}"),
            },
        }
    }
}

/// What a captured command printed, and how it ended.
#[derive(Clone, Debug)]
pub struct Output {
    /// Standard output and error, in the order in which they were written.
    pub text: String,
    /// How it ended.
    pub status: Status,
}

/// A container that exists, its first process waiting at the gate.
pub struct Created {
    running: Running,
    wire: Telegraph,
    /// Whether the child will stop once more, for the card.
    stops_for_card: bool,
}

impl Created {
    pub(crate) fn new(container: Container, child: Child, wire: Telegraph) -> Created {
        let Container { parts, captured, card, stdio, .. } = container;
        // The child has the other ends; ours would keep the pipe from ending.
        drop(stdio);
        let running = Running { child, parts, captured, card: None, ended: None };
        Created { running, wire, stops_for_card: card }
    }

    /// The waiting process.
    pub fn child(&self) -> &Child {
        &self.running.child
    }

    /// Lets the command run. An error of `seal` or `execve` is found here.
    pub fn start(self) -> Result<Running> {
        self.wire.go()?;
        self.run()
    }

    pub(crate) fn attach(&mut self) -> Result<()> {
        self.running.parts.attach(&self.running.child)
    }

    pub(crate) fn open_gate(&mut self) -> Result<()> {
        self.wire.go()
    }

    /// Passes the child's story on until it waits (`true`) or its end is closed (`false`).
    pub(crate) fn follow_to_gate(&mut self) -> Result<bool> {
        loop {
            match self.wire.next()? {
                Message::Told(event) => story::emit(&event),
                Message::Failed(error) => return Err(error),
                Message::Waiting => return Ok(true),
                Message::Closed => return Ok(false),
            }
        }
    }

    /// Follows the child to `execve`.
    pub(crate) fn run(mut self) -> Result<Running> {
        if self.follow_to_gate()? && self.stops_for_card {
            self.running.card = Some(Card::of(&self.running.child.process())?);
            self.wire.go()?;
            self.follow_to_gate()?;
        }
        Ok(self.running)
    }
}

/// Signals of the terminal that came soon after one another.
#[derive(Default)]
struct Presses {
    last: Option<Instant>,
    in_a_row: u32,
}

impl Presses {
    /// Whoever waits in between wants the command to go on.
    const SOON: Duration = Duration::from_secs(3);

    fn count(&mut self, is_one: bool) -> u32 {
        if !is_one {
            return 0;
        }
        let soon =
            self.last.replace(Instant::now()).is_some_and(|last| last.elapsed() < Self::SOON);
        self.in_a_row = if soon { self.in_a_row + 1 } else { 1 };
        self.in_a_row
    }
}

/// A container whose command runs. Dropped before its end, it is killed; either way its parts are released.
pub struct Running {
    child: Child,
    parts: Parts,
    captured: Option<OwnedFd>,
    card: Option<Card>,
    ended: Option<Status>,
}

impl Running {
    /// The first process.
    pub fn child(&self) -> &Child {
        &self.child
    }

    /// The isolation card, when it was wanted.
    pub fn card(&self) -> Option<&Card> {
        self.card.as_ref()
    }

    /// Sends a signal, by number. See pidfd_send_signal(2).
    pub fn signal(&self, signal: i32) -> Result<()> {
        let name = Signal::try_from(signal).map_or_else(|_| signal.to_string(), |s| s.to_string());
        doing(format_args!("pidfd_send_signal {name} to {}", pid(self.child.pid())))
            .like_args(format_args!(
                "kill -{} {}",
                name.trim_start_matches("SIG"),
                pid(self.child.pid())
            ))
            .run(|| sys::pidfd_send_signal(self.child.as_fd(), signal))
    }

    /// Waits for the end and releases the parts. An ending signal to this process unwinds instead.
    pub fn wait(mut self) -> Result<Status> {
        interrupt::wait_readable(self.child.as_fd());
        self.end()
    }

    /// Waits for the end and passes ending signals on to the command, as a foreground `run` does. One that the terminal
    /// sent has reached the command already, unless it is PID 1 without a handler, which ignores it: the third in a row kills.
    pub fn wait_passing_signals(mut self) -> Result<Status> {
        let mut presses = Presses::default();
        while interrupt::wait(Some(self.child.as_fd()), None) == Woken::Signal {
            let Some(info) = interrupt::take() else { continue };
            let from_terminal = presses.count(info.ssi_code == libc::SI_KERNEL);
            let hangup = info.ssi_signo as i32 == libc::SIGHUP;
            let signal = match (info.ssi_code, from_terminal) {
                (_, 3..) => libc::SIGKILL,
                // The terminal is gone, and with it whoever could press Ctrl-C.
                (libc::SI_KERNEL, _) if hangup => libc::SIGKILL,
                (libc::SI_KERNEL, _) => continue,
                _ => info.ssi_signo as i32,
            };
            // ESRCH: it has just ended, and the wait will say so.
            let _ = sys::pidfd_send_signal(self.child.as_fd(), signal);
        }
        self.end()
    }

    /// Reads what a captured command prints until it closes its output, then waits.
    pub fn output(mut self) -> Result<Output> {
        let mut text = Vec::new();
        if let Some(pipe) = self.captured.take() {
            let mut buffer = [0; 8192];
            loop {
                interrupt::wait_readable(pipe.as_fd());
                match quietly("read the box's output")
                    .run(|| nix::unistd::read(&pipe, &mut buffer))?
                {
                    0 => break,
                    n => text.extend_from_slice(&buffer[..n]),
                }
            }
        }
        let status = self.wait()?;
        Ok(Output { text: foreign(&text), status })
    }

    /// Reads one line of a captured command that goes on running; `None` at the end of its output.
    pub fn line(&mut self) -> Result<Option<String>> {
        let Some(pipe) = &self.captured else { return Ok(None) };
        let mut line = Vec::new();
        loop {
            let mut byte = [0];
            interrupt::wait_readable(pipe.as_fd());
            match quietly("read the box's output").run(|| nix::unistd::read(pipe, &mut byte))? {
                1 if byte != *b"\n" => line.push(byte[0]),
                0 if line.is_empty() => return Ok(None),
                _ => return Ok(Some(foreign(&line))),
            }
        }
    }

    /// Whether the command is still running after `patience`.
    pub fn outlasts(&self, patience: Duration) -> bool {
        let woken = interrupt::wait(Some(self.child.as_fd()), Some(patience));
        if woken == Woken::Signal {
            interrupt::check();
        }
        woken == Woken::TimedOut
    }

    /// Kills the command and waits for its end.
    pub fn kill(mut self) -> Result<Status> {
        quietly(format_args!("kill {}", pid(self.child.pid())))
            .run(|| sys::pidfd_send_signal(self.child.as_fd(), libc::SIGKILL))?;
        self.end()
    }

    /// Reaps and releases.
    fn end(&mut self) -> Result<Status> {
        let end = quietly(format_args!("waitid {}", pid(self.child.pid())))
            .run(|| sys::reap(&self.child))?;
        let status = match end {
            Ok(status) => Status::Exited(status),
            Err(signal) => Status::Killed(signal),
        };
        self.ended = Some(status);
        self.parts.release()?;
        Ok(status)
    }
}

/// A box may print what it likes.
fn foreign(bytes: &[u8]) -> String {
    without_marks(&String::from_utf8_lossy(bytes)).into_owned()
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended.is_none() {
            let _ = sys::pidfd_send_signal(self.child.as_fd(), libc::SIGKILL);
            let _ = self.end();
        }
    }
}
