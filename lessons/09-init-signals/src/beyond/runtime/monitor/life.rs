//! What a monitor does with its life: start the box, serve it, bury it, and perhaps once more.

use std::ffi::OsString;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use clone_pid::Running;
use ground::call::quietly;
use ground::interrupt::{self, Woken};
use ground::lesson::{begin_run, run_dir};
use ground::{Error, Result};
use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::ends::Output;
use super::log::Log;
use super::relay::Hub;
use super::wire::{Message, Wire};
use crate::beyond::runtime::boxed::{Boxed, Lock};
use crate::beyond::runtime::compose::{OomWatch, PartsList, container};
use crate::beyond::runtime::foreground::{ended, started, starting};
use crate::beyond::runtime::record::Status;
use crate::beyond::runtime::terminal::{Console, Size};
use crate::beyond::runtime::{monitor, sys};
use crate::flags::Flags;

/// The first wait before a restart; each is twice as long as the one before.
const SHORTEST: Duration = Duration::from_millis(100);
/// The longest.
const LONGEST: Duration = Duration::from_secs(60);
/// Who has run so long begins with the shortest again.
const GOOD: Duration = Duration::from_secs(10);

/// A box and all that its monitor keeps for it.
pub struct Life<'a, P> {
    boxed: &'a Boxed,
    flags: Flags,
    argv: Vec<OsString>,
    size: Option<Size>,
    hub: Hub,
    _lock: Lock,
    list: PhantomData<P>,
}

impl<'a, P: PartsList> Life<'a, P> {
    /// Becomes the monitor of a box that has none. An error is told to the starter.
    pub fn begin(boxed: &'a Boxed, starter: Wire, size: Option<Size>) -> Result<Life<'a, P>> {
        match prepare(boxed) {
            Ok((flags, argv, lock, hub)) => {
                let hub = hub.with_starter(starter);
                Ok(Life { boxed, flags, argv, size, hub, _lock: lock, list: PhantomData })
            }
            Err(error) => {
                let _ = starter.send(&Message::Failed(error.clone()));
                Err(error)
            }
        }
    }

    /// Lives.
    pub fn run(mut self) -> Result<()> {
        let (mut restarts, mut patience) = (0, SHORTEST);
        loop {
            let begin = Instant::now();
            let again = match self.once(restarts) {
                Ok(again) => again,
                Err(error) if restarts == 0 => return self.never_ran(error),
                Err(error) => self.failed(&error, restarts),
            };
            if begin.elapsed() >= GOOD {
                patience = SHORTEST;
            }
            if !again || !self.wait(patience)? {
                return Ok(());
            }
            restarts += 1;
            patience = (patience * 2).min(LONGEST);
        }
    }

    /// From a start to the end of it; whether there is to be another.
    fn once(&mut self, restarts: u64) -> Result<bool> {
        let oom = OomWatch::default();
        let running = self.start(&oom)?;
        if restarts > 0 {
            self.boxed.tell_end(None);
        }
        started(self.boxed, &running)?;
        self.hub.ready();
        sys::shrink();
        self.hub.serve(&running)?;
        let code = running.wait_passing_signals().map_or(125, |status| status.code());
        let wanted = self.flags.runtime.restart.again(code, restarts);
        let again = ended(self.boxed, code, oom.killed(), wanted);
        self.hub.tell_end(code);
        Ok(again)
    }

    fn start(&mut self, oom: &OomWatch) -> Result<Running> {
        let runtime = &mut self.flags.runtime;
        let console = match runtime.tty {
            true => Some(Console::new(self.size)?),
            false => None,
        };
        runtime.console = console.clone();
        self.boxed.join_network(&mut self.flags)?;
        let container = container::<P>(&self.flags, &self.boxed.spec.env, &self.argv)?
            .with(oom.part(self.flags.group()));
        let Some(console) = console else {
            let (stdio, outputs, input) = pipes(self.flags.runtime.interactive)?;
            let running = container.stdio(stdio).start()?;
            self.hub.take(outputs, input, None);
            return Ok(running);
        };
        let running = container.start()?;
        let master = console.master()?;
        let copy = || quietly("dup the terminal").run(|| master.try_clone());
        let (input, size) = (copy()?, copy()?);
        self.hub.take(vec![Output::new(b'o', master)], Some(input), Some(size));
        Ok(running)
    }

    /// The starter learns why, and the box is as before.
    fn never_ran(mut self, error: Error) -> Result<()> {
        let (code, said) = (error.run_status(), error.to_string());
        self.boxed.tell_end(Some(code));
        let _ = self.boxed.update(|state| {
            (state.status, state.pid) = (Status::Created, None);
            (state.code, state.error) = (Some(code), said);
        });
        self.hub.failed(&error);
        Err(error)
    }

    fn failed(&self, error: &Error, restarts: u64) -> bool {
        let (code, said) = (error.run_status(), error.to_string());
        let wanted = self.flags.runtime.restart.again(code, restarts);
        let again = ended(self.boxed, code, false, wanted);
        let _ = self.boxed.update(|state| state.error = said);
        again
    }

    /// Waits before the next start; `false` when somebody wants an end. `stop` sends SIGTERM for that.
    fn wait(&self, patience: Duration) -> Result<bool> {
        if interrupt::wait(None, Some(patience)) == Woken::Signal {
            interrupt::take();
        }
        let state = self.boxed.update(|state| {
            if state.stopped {
                state.status = Status::Exited;
            }
        })?;
        Ok(!state.stopped)
    }
}

/// What a box is made from, the lock of its monitor, the log, and the socket for those who attach.
fn prepare(boxed: &Boxed) -> Result<(Flags, Vec<OsString>, Lock, Hub)> {
    boxed.enter_users()?;
    begin_run()?;
    let lock = boxed.watch(starting(true))?;
    let made = || {
        boxed.chdir()?;
        let (flags, argv) = boxed.understand(&[], None)?;
        let log = Log::append(&boxed.log(), flags.runtime.rotation())?;
        let hub = Hub::new(log, Wire::listen(&run_dir()?.join("attach"))?);
        Ok((flags, argv, hub))
    };
    let outcome: Result<_> = made();
    let (flags, argv, hub) = outcome.inspect_err(|error: &Error| {
        let (code, said) = (error.run_status(), error.to_string());
        let _ = boxed.update(|state| {
            (state.status, state.code, state.error) = (Status::Created, Some(code), said);
        });
    })?;
    Ok((flags, argv, lock, hub))
}

type Pipes = ([Option<OwnedFd>; 3], Vec<Output>, Option<OwnedFd>);

/// Pipes for a box without a terminal: its ends, and ours. Only an interactive one has something to read from.
fn pipes(interactive: bool) -> Result<Pipes> {
    let pipe = || quietly("make a pipe").run(|| pipe2(OFlag::O_CLOEXEC));
    let (out, theirs_out) = pipe()?;
    let (err, theirs_err) = pipe()?;
    let (stdin, input) = match interactive {
        true => pipe().map(|(theirs, ours)| (theirs, Some(ours)))?,
        false => (monitor::null()?, None),
    };
    let outputs = vec![Output::new(b'o', out), Output::new(b'e', err)];
    Ok(([Some(stdin), Some(theirs_out), Some(theirs_err)], outputs, input))
}
