//! How a container comes to be, seen from the host: the builder, the clone, the gate. The child's way is in `birth.rs`,
//! the crate's page shows both on one screen.

use std::ffi::OsString;
use std::os::fd::OwnedFd;

use ground::call::quietly;
use ground::error::Kind;
use ground::lesson::{begin_run, c_strings, run_name, show_card};
use ground::proc::Process;
use ground::proc::ns::CLONE_NEWTIME;
use ground::{Error, Result};
use nix::fcntl::OFlag;
use nix::sched::CloneFlags;
use nix::unistd;

use crate::cloning::clone;
use crate::exec::Program;
use crate::guest::clone_into_pid_namespace;
use crate::part::{Child, Part, Parts};
use crate::running::{Created, Running};
use crate::sys::Cloned;
use crate::telegraph::Telegraph;

/// Namespaces that are not asked of clone3 but unshared by the child: a cgroup namespace has its maker's group as root,
/// so the child must have joined its groups first; the clocks of a time namespace can be set only by a process that has
/// unshared it and is not yet in it.
pub(crate) const UNSHARED_BY_CHILD: CloneFlags = CloneFlags::CLONE_NEWCGROUP.union(CLONE_NEWTIME);

/// A command, and the parts of the container around it.
pub struct Container {
    pub(crate) program: Program,
    pub(crate) parts: Parts,
    pub(crate) stdio: [Option<OwnedFd>; 3],
    pub(crate) captured: Option<OwnedFd>,
    pub(crate) card: bool,
    pub(crate) outlives: bool,
    pub(crate) stop_before_seal: bool,
    /// The signals that this process ignores, bit n-1 for signal n. Asked before the clone: the box may have no `/proc`.
    pub(crate) ignored: u64,
}

impl Container {
    /// A container without any part: a plain child process, with this one's environment.
    pub fn new(argv: &[impl Into<OsString> + Clone]) -> Result<Container> {
        let argv = c_strings(&argv.iter().cloned().map(Into::into).collect::<Vec<_>>())?;
        if argv.first().is_none_or(|program| program.is_empty()) {
            return Err(Error::usage("the command is empty"));
        }
        begin_run()?;
        let entry = |(key, value)| [key, "=".into(), value].into_iter().collect();
        let envp = c_strings(&std::env::vars_os().map(entry).collect::<Vec<OsString>>())?;
        let container = Container {
            program: Program { argv, envp },
            parts: Parts::default(),
            stdio: [None, None, None],
            captured: None,
            card: false,
            outlives: false,
            stop_before_seal: false,
            ignored: Process::this().status()?.signals.ignored,
        };
        // The word by which systemd and others know that they are in a container; `clean` knows our boxes by it.
        container.env("container", run_name())
    }

    /// Adds a part.
    pub fn with(mut self, part: impl Part + 'static) -> Container {
        self.parts.push(part);
        self
    }

    /// Sets a variable of the box's environment.
    pub fn env(mut self, key: &str, value: &str) -> Result<Container> {
        let prefix = format!("{key}=");
        self.program.envp.retain(|entry| !entry.as_bytes().starts_with(prefix.as_bytes()));
        self.program.envp.extend(c_strings(&[format!("{prefix}{value}").into()])?);
        Ok(self)
    }

    /// Sets a variable unless it has one of that name.
    pub fn env_unless_set(self, key: &str, value: &str) -> Result<Container> {
        let prefix = format!("{key}=");
        match self.program.envp.iter().any(|entry| entry.as_bytes().starts_with(prefix.as_bytes()))
        {
            true => Ok(self),
            false => self.env(key, value),
        }
    }

    /// Begins with an empty environment: an image has its own. What marks the box stays.
    pub fn clear_env(mut self) -> Container {
        self.program.envp.retain(|entry| entry.as_bytes().starts_with(b"container="));
        self
    }

    /// Gives the box its standard input, output and error; `None` keeps the caller's.
    pub fn stdio(mut self, stdio: [Option<OwnedFd>; 3]) -> Container {
        self.stdio = stdio;
        self
    }

    /// Sends standard output and error into a pipe, for [`Running::output`].
    pub fn capture(mut self) -> Result<Container> {
        let (ours, theirs) = quietly("make a pipe").run(|| unistd::pipe2(OFlag::O_CLOEXEC))?;
        let copy = quietly("dup the pipe").run(|| theirs.try_clone())?;
        self.stdio = [self.stdio[0].take(), Some(theirs), Some(copy)];
        self.captured = Some(ours);
        Ok(self)
    }

    /// Whether to read the isolation card of the first process right before its `execve`: later it may be gone.
    pub fn card(mut self, wanted: bool) -> Container {
        self.card = wanted;
        self
    }

    /// Lets the box outlive this process. Else the kernel kills it when this process ends, however it ends.
    pub fn outliving(mut self) -> Container {
        self.outlives = true;
        self
    }

    /// Starts the command.
    pub fn start(self) -> Result<Running> {
        self.clone_first()?.run()
    }

    /// Makes the container and stops before `seal`; [`Created::start`] lets the command run. OCI calls this `create`.
    pub fn create(mut self) -> Result<Created> {
        self.stop_before_seal = true;
        let mut created = self.clone_first()?;
        match created.follow_to_gate()? {
            true => Ok(created),
            false => Err(Error::new(Kind::Failed, "the container's first process was killed")),
        }
    }

    /// Starts the command inside the container of `target`: in the namespaces that the parts name, born in their groups,
    /// sealed as they seal. This is `exec`.
    pub fn join(self, target: &Child) -> Result<Running> {
        self.clone_guest(target)?.run()
    }

    /// `run` on the command line: starts, passes signals on, waits, and ends with the isolation card on standard error.
    /// Returns the status to exit with.
    pub fn run(self, card: bool) -> Result<u8> {
        let running = self.card(card).start()?;
        let card = running.card().cloned();
        let status = running.wait_passing_signals()?;
        card.map_or(Ok(()), |card| show_card(&card))?;
        Ok(status.code())
    }

    /// prepare, clone, attach, open the gate. Whatever fails on the way, dropping `parts` releases what was prepared.
    fn clone_first(mut self) -> Result<Created> {
        self.parts.prepare()?;
        let births = self.parts.births()?;
        let (host_end, child_end) = Telegraph::pair()?;
        match clone(self.parts.namespaces() - UNSHARED_BY_CHILD, &births)? {
            Cloned::Child => {
                drop(host_end);
                self.be_born(child_end, &births, Container::become_first)
            }
            Cloned::Parent(pid, pidfd) => {
                let mut created = Created::new(self, Child::new(pid, pidfd), host_end);
                drop(child_end);
                created.attach()?;
                created.open_gate()?;
                Ok(created)
            }
        }
    }

    /// The same for a guest: its parts were prepared by the container's first process and are not ours to release.
    fn clone_guest(self, target: &Child) -> Result<Created> {
        let births = self.parts.births()?;
        let (host_end, child_end) = Telegraph::pair()?;
        match clone_into_pid_namespace(target, self.parts.namespaces(), &births)? {
            Cloned::Child => {
                drop(host_end);
                self.be_born(child_end, &births, |this| this.become_guest(target))
            }
            Cloned::Parent(pid, pidfd) => {
                let mut created = Created::new(self, Child::new(pid, pidfd), host_end);
                drop(child_end);
                created.open_gate()?;
                Ok(created)
            }
        }
    }
}
