//! [`Hub`]: between a box and those who are attached to it.
//!
//! What the box writes goes to the log and to every client. Nothing is thrown away: as long as one client has not taken what
//! is there for it, nothing more is read from the box, whose writes then wait, as they would for a slow terminal.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use clone_pid::Running;
use ground::call::quietly;
use ground::{Error, Result, interrupt};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{SockFlag, accept4};
use nix::unistd::{read, write};

use super::ends::{Client, Output};
use super::log::{HEAD, Log};
use super::wire::{LARGEST, Message, Wire};
use crate::beyond::runtime::sys;

/// How long a client that takes nothing may delay the end, if there is more than it has room for.
const PATIENCE: Duration = Duration::from_secs(5);

/// All descriptors of a monitor.
pub struct Hub {
    log: Log,
    listener: OwnedFd,
    starter: Option<Wire>,
    clients: Vec<Client>,
    outputs: Vec<Output>,
    input: Option<OwnedFd>,
    /// What clients have typed and the box has not read.
    typed: Vec<u8>,
    closing: bool,
    terminal: Option<OwnedFd>,
    room: Vec<u8>,
}

/// Who woke us.
#[derive(Clone, Copy)]
enum Source {
    Signals,
    End,
    Listener,
    Output(usize),
    Input,
    Client(usize),
}

impl Hub {
    /// Nobody is attached yet.
    pub fn new(log: Log, listener: OwnedFd) -> Hub {
        let room = vec![0; HEAD + LARGEST];
        let (clients, outputs, typed) = (Vec::new(), Vec::new(), Vec::new());
        let (starter, input, terminal) = (None, None, None);
        let closing = false;
        Hub { log, listener, starter, clients, outputs, input, typed, closing, terminal, room }
    }

    /// Who waits to hear that the box runs, and is then the first client.
    pub fn with_starter(self, starter: Wire) -> Hub {
        Hub { starter: Some(starter), ..self }
    }

    /// The descriptors of a new start.
    pub fn take(
        &mut self,
        outputs: Vec<Output>,
        input: Option<OwnedFd>,
        terminal: Option<OwnedFd>,
    ) {
        let fds =
            outputs.iter().map(|output| output.fd.as_fd()).chain(input.as_ref().map(AsFd::as_fd));
        for fd in fds {
            let _ = fcntl(fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK));
        }
        (self.outputs, self.input, self.terminal) = (outputs, input, terminal);
        self.typed.clear();
        self.closing = false;
    }

    /// Tells the starter.
    pub fn ready(&mut self) {
        let told = self.starter.take().filter(|wire| wire.send(&Message::Ready).is_ok());
        self.clients.extend(told.map(Client::new));
    }

    /// Tells the starter.
    pub fn failed(&mut self, error: &Error) {
        if let Some(wire) = self.starter.take() {
            let _ = wire.send(&Message::Failed(error.clone()));
        }
    }

    /// Serves the box until it has ended, and all that it wrote has been passed on.
    pub fn serve(&mut self, running: &Running) -> Result<()> {
        let child = running.child().as_fd();
        while !self.turn(running, Some(child), None)? {}
        self.clients.iter_mut().for_each(Client::widen);
        let until = Instant::now() + PATIENCE;
        // Everybody who could write is dead: what there is to read is there now.
        while !self.outputs.is_empty() || self.clients.iter().any(|c| c.waiting.is_some()) {
            if Instant::now() > until {
                self.clients.retain(|client| client.waiting.is_none());
            }
            let step = if self.is_blocked() { Duration::from_millis(100) } else { Duration::ZERO };
            let before = self.outputs.len();
            let read = self.turn_counting(running, step)?;
            if !self.is_blocked() && read == 0 && self.outputs.len() == before {
                self.outputs.clear();
            }
        }
        (self.input, self.terminal) = (None, None);
        Ok(())
    }

    /// Tells everybody; those who were attached go.
    pub fn tell_end(&mut self, code: u8) {
        for client in self.clients.drain(..) {
            let _ = client.wire.try_send(&Message::Ended(code).bytes());
        }
    }

    fn is_blocked(&self) -> bool {
        self.clients.iter().any(|client| client.waiting.is_some())
    }

    /// One turn without the box's end in view; the number of sources that had something.
    fn turn_counting(&mut self, running: &Running, patience: Duration) -> Result<usize> {
        let ready = self.wait(None, Some(patience))?;
        let count = ready.iter().filter(|source| matches!(source, Source::Output(_))).count();
        self.handle(running, ready)?;
        Ok(count)
    }

    /// One turn; whether the box has ended.
    fn turn(
        &mut self,
        running: &Running,
        child: Option<BorrowedFd<'_>>,
        patience: Option<Duration>,
    ) -> Result<bool> {
        let ready = self.wait(child, patience)?;
        let ended = ready.iter().any(|source| matches!(source, Source::End));
        self.handle(running, ready)?;
        Ok(ended)
    }

    /// Waits until one of all has something for us.
    fn wait(
        &self,
        child: Option<BorrowedFd<'_>>,
        patience: Option<Duration>,
    ) -> Result<Vec<Source>> {
        let (mut sources, mut fds) = (Vec::new(), Vec::new());
        let mut add = |source, fd, events| {
            sources.push(source);
            fds.push(PollFd::new(fd, events));
        };
        if let Some(signals) = interrupt::pending() {
            add(Source::Signals, signals, PollFlags::POLLIN);
        }
        if let Some(child) = child {
            add(Source::End, child, PollFlags::POLLIN);
        }
        add(Source::Listener, self.listener.as_fd(), PollFlags::POLLIN);
        if !self.is_blocked() {
            for (index, output) in self.outputs.iter().enumerate() {
                add(Source::Output(index), output.fd.as_fd(), PollFlags::POLLIN);
            }
        }
        if let Some(input) = self.input.as_ref().filter(|_| !self.typed.is_empty()) {
            add(Source::Input, input.as_fd(), PollFlags::POLLOUT);
        }
        for (index, client) in self.clients.iter().enumerate() {
            // Who types faster than the box reads waits, too.
            let wanted = match client.waiting {
                Some(_) => PollFlags::POLLOUT,
                None if self.typed.is_empty() => PollFlags::POLLIN,
                None => PollFlags::empty(),
            };
            add(Source::Client(index), client.wire.as_fd(), wanted);
        }
        let timeout = patience.map_or(PollTimeout::NONE, |patience| {
            PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX)
        });
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(Error::os("poll", errno)),
        }
        let woken = |fd: &PollFd<'_>| fd.revents().is_some_and(|events| !events.is_empty());
        let ready = sources.into_iter().zip(&fds).filter(|(_, fd)| woken(fd));
        Ok(ready.map(|(source, _)| source).collect())
    }

    fn handle(&mut self, running: &Running, ready: Vec<Source>) -> Result<()> {
        let mut ended = Vec::new();
        for source in ready {
            match source {
                Source::End => {}
                Source::Signals => pass_on(running),
                Source::Listener => self.accept(),
                Source::Output(index) if !self.copy(index) => ended.push(index),
                Source::Output(_) => {}
                Source::Input => self.feed(),
                Source::Client(index) => self.attend(index, running),
            }
        }
        for index in ended.into_iter().rev() {
            self.outputs.remove(index);
        }
        self.clients.retain(|client| !client.gone);
        if self.closing && self.typed.is_empty() {
            self.input = None;
        }
        Ok(())
    }

    fn accept(&mut self) {
        let fd = accept4(self.listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC);
        self.clients.extend(fd.map(|fd| Client::new(Wire::from(sys::owned(fd)))));
    }

    /// Copies what a box wrote; `false` at the end of it. A terminal says EIO when nobody has its other side.
    fn copy(&mut self, index: usize) -> bool {
        if self.is_blocked() {
            return true;
        }
        let Output { stream, fd } = &self.outputs[index];
        let (stream, read) = (*stream, read(fd, &mut self.room[HEAD..]));
        match read {
            Ok(0) | Err(Errno::EIO) => false,
            Ok(n) => {
                self.log.write(stream, &mut self.room[..HEAD + n]);
                let message = &self.room[HEAD - 1..HEAD + n];
                self.clients.iter_mut().for_each(|client| client.send(message));
                true
            }
            Err(_) => true,
        }
    }

    /// Gives the box what was typed.
    fn feed(&mut self) {
        let Some(input) = &self.input else { return };
        match write(input, &self.typed) {
            Ok(n) => drop(self.typed.drain(..n)),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            // Nobody reads it any more.
            Err(_) => (self.input, self.typed) = (None, Vec::new()),
        }
    }

    fn attend(&mut self, index: usize, running: &Running) {
        let client = &mut self.clients[index];
        if let Some(message) = client.waiting.take() {
            client.send(&message);
            return;
        }
        match client.wire.receive() {
            Some(Message::Input(data)) if self.input.is_some() => self.typed.extend(data),
            Some(Message::Close) => self.closing = self.terminal.is_none(),
            Some(Message::Window(size)) => {
                if let Some(terminal) = &self.terminal {
                    let _ = sys::resize(terminal.as_fd(), size);
                }
            }
            Some(Message::Signal(signal)) => drop(running.signal(signal)),
            Some(_) => {}
            None => client.gone = true,
        }
    }
}

/// A signal to the monitor is meant for the box.
fn pass_on(running: &Running) {
    if let Some(info) = interrupt::take() {
        // ESRCH: it has just ended.
        let _ = quietly("pass a signal on").run(|| {
            running.signal(info.ssi_signo as i32).map_err(|e| e.errno().unwrap_or(Errno::EIO))
        });
    }
}
