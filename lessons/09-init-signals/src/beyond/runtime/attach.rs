//! The other end of a monitor's hub: a person at a terminal, or a pipe.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd};

use ground::call::quietly;
use ground::error::Kind;
use ground::{Error, Result, interrupt};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::{read, write};

use super::guardian::Guardian;
use super::line::Line;
use super::monitor::wire::{LARGEST, Message};
use super::sys;
use super::terminal::Size;

/// Ctrl-P, and then Ctrl-Q: leave the box alone.
const DETACH: [u8; 2] = [0x10, 0x11];

/// The terminal on standard input as it was. Its guardian restores it when this is dropped, or this process killed.
struct Raw {
    before: Termios,
    _guardian: Guardian,
}

impl Raw {
    /// From now on every key goes to the box, Ctrl-C too. See termios(3).
    fn enter() -> Result<Option<Raw>> {
        if !io::stdin().is_terminal() {
            return Ok(None);
        }
        let before = quietly("tcgetattr").run(|| tcgetattr(io::stdin()))?;
        let _guardian = Guardian::begin(&before, &as_raw(&before))?;
        let raw = Raw { before, _guardian };
        raw.again()?;
        Ok(Some(raw))
    }

    /// A shell that has stopped and resumed us has its own mind about terminals.
    fn again(&self) -> Result<()> {
        let raw = as_raw(&self.before);
        quietly("tcsetattr").run(|| tcsetattr(io::stdin(), SetArg::TCSANOW, &raw))
    }
}

fn as_raw(modes: &Termios) -> Termios {
    let mut raw = modes.clone();
    cfmakeraw(&mut raw);
    raw
}

/// The size of the terminal in front of us, if it is one.
pub fn window() -> Option<Size> {
    let of = |fd: BorrowedFd<'_>| sys::size(fd).ok().filter(|size| size.rows > 0);
    of(io::stdin().as_fd()).or_else(|| of(io::stdout().as_fd()))
}

/// How it went.
pub enum Outcome {
    /// The box has ended, with this status.
    Ended(u8),
    /// It runs on.
    Detached,
}

/// Somebody who is attached.
pub struct Session {
    line: Line,
    /// Messages for which there was no room.
    waiting: VecDeque<Vec<u8>>,
    tty: bool,
    raw: Option<Raw>,
    input: bool,
    /// Whether Ctrl-P was the last key.
    held: bool,
}

impl Session {
    /// Begins. `tty`: the box has a terminal. `input`: what is typed goes to it.
    pub fn begin(line: Line, tty: bool, input: bool) -> Result<Session> {
        let raw = if tty && input { Raw::enter()? } else { None };
        Ok(Session { line, waiting: VecDeque::new(), tty, raw, input, held: false })
    }

    /// Until the box ends, or somebody leaves.
    pub fn run(mut self) -> Result<Outcome> {
        let watched: SigSet = [Signal::SIGWINCH, Signal::SIGCONT].into_iter().collect();
        quietly("block SIGWINCH").run(|| watched.thread_block())?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let window = quietly("signalfd").run(|| SignalFd::with_flags(&watched, flags))?;
        self.tell_window();
        loop {
            let (signal, resized, message, typed) = self.wait(&window)?;
            self.push();
            if resized {
                while window.read_signal().is_ok_and(|signal| signal.is_some()) {}
                self.raw.as_ref().map_or(Ok(()), Raw::again)?;
                self.tell_window();
            }
            if let Some(outcome) = signal.then(|| self.signal()).flatten() {
                return Ok(outcome);
            }
            if let Some(outcome) = message.then(|| self.message()).transpose()?.flatten() {
                return Ok(outcome);
            }
            if typed && self.keys()? {
                return Ok(Outcome::Detached);
            }
        }
    }

    /// Signal, size, message, key: which of them is there.
    fn wait(&self, window: &SignalFd) -> Result<(bool, bool, bool, bool)> {
        let stdin = io::stdin();
        let none = window.as_fd();
        let fds = [
            (interrupt::pending().unwrap_or(none), interrupt::pending().is_some()),
            (window.as_fd(), true),
            (self.line.as_fd(), true),
            (stdin.as_fd(), self.input && self.waiting.is_empty()),
        ];
        let mut fds =
            fds.map(|(fd, wanted)| PollFd::new(if wanted { fd } else { none }, PollFlags::POLLIN));
        if !self.waiting.is_empty() {
            fds[2].set_events(PollFlags::POLLIN | PollFlags::POLLOUT);
        }
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(Error::os("poll", errno)),
        }
        let events = |index: usize| fds[index].revents().unwrap_or(PollFlags::empty());
        let woken = |index: usize| !events(index).is_empty();
        // Room for what waits is no message.
        let message = events(2).difference(PollFlags::POLLOUT) != PollFlags::empty();
        Ok((woken(0), woken(1), message, self.input && self.waiting.is_empty() && woken(3)))
    }

    /// Without a terminal a signal is meant for the box. A terminal in raw mode sends none: somebody else did, to us.
    fn signal(&mut self) -> Option<Outcome> {
        let info = interrupt::take()?;
        let signal = info.ssi_signo as i32;
        if self.raw.is_some() || signal == libc::SIGHUP {
            return Some(Outcome::Detached);
        }
        self.send(&Message::Signal(signal));
        None
    }

    fn message(&mut self) -> Result<Option<Outcome>> {
        match self.line.receive() {
            Some(Message::Wrote(b'e', data)) => show(io::stderr().as_fd(), &data).map(|()| None),
            Some(Message::Wrote(_, data)) => show(io::stdout().as_fd(), &data).map(|()| None),
            Some(Message::Ended(code)) => Ok(Some(Outcome::Ended(code))),
            Some(Message::Failed(error)) => Err(error),
            Some(_) => Ok(None),
            None => Err(Error::new(Kind::Failed, "the monitor of the box was killed")),
        }
    }

    /// Passes keys on; `true` when they say to leave.
    fn keys(&mut self) -> Result<bool> {
        let mut buffer = [0; LARGEST / 2];
        let n = match read(io::stdin(), &mut buffer) {
            Ok(n) => n,
            Err(Errno::EINTR | Errno::EAGAIN) => return Ok(false),
            // EIO: the terminal is gone.
            Err(_) => 0,
        };
        if n == 0 {
            self.input = false;
            self.send(&Message::Close);
            return Ok(false);
        }
        let (keys, leave) =
            if self.tty { self.filter(&buffer[..n]) } else { (buffer[..n].to_vec(), false) };
        if !keys.is_empty() {
            self.send(&Message::Input(keys));
        }
        Ok(leave)
    }

    /// Sends as soon as there is room. To wait for that here could be for ever: the box may be waiting for us to read.
    fn send(&mut self, message: &Message) {
        self.waiting.push_back(message.bytes());
        self.push();
    }

    fn push(&mut self) {
        while let Some(message) = self.waiting.front_mut() {
            self.line.push(message);
            if !message.is_empty() {
                return;
            }
            self.waiting.pop_front();
        }
    }

    /// Without the keys that are for us.
    fn filter(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        let mut keys = Vec::new();
        for key in typed {
            match (std::mem::take(&mut self.held), *key) {
                (true, key) if key == DETACH[1] => return (keys, true),
                (held, key) => {
                    keys.extend(held.then_some(DETACH[0]));
                    self.held = key == DETACH[0];
                    keys.extend((!self.held).then_some(key));
                }
            }
        }
        (keys, false)
    }

    fn tell_window(&mut self) {
        if let Some(size) = window().filter(|_| self.tty) {
            self.send(&Message::Window(size));
        }
    }
}

/// Writes all of it, past every buffer.
pub fn show(out: BorrowedFd<'_>, mut data: &[u8]) -> Result<()> {
    while !data.is_empty() {
        match write(out, data) {
            Ok(n) => data = &data[n..],
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                let _ = poll(&mut [PollFd::new(out, PollFlags::POLLOUT)], PollTimeout::NONE);
            }
            Err(errno) => return Err(Error::os("write the box's output", errno)),
        }
    }
    Ok(())
}
