//! [`Part`]: what a mechanism contributes to a container, moment by moment.

use std::fs::{File, OpenOptions};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use ground::Result;
use ground::call::quietly;
use ground::text::path;
use nix::sched::CloneFlags;
use nix::unistd::Pid;

use crate::sys;

/// A process that was cloned, or is to be joined: its number, and a descriptor that never means another one.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    pidfd: OwnedFd,
}

impl Child {
    pub(crate) fn new(pid: Pid, pidfd: OwnedFd) -> Child {
        Child { pid, pidfd }
    }

    /// A running process, by number.
    pub fn open(pid: Pid) -> Result<Child> {
        let pidfd = ground::call::quietly(format_args!("pidfd_open {}", ground::text::pid(pid)))
            .hint(nix::errno::Errno::ESRCH, "no such process")
            .run(|| sys::pidfd_open(pid))?;
        Ok(Child { pid, pidfd })
    }

    /// Its number, as the host counts.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// What the kernel says of it.
    pub fn process(&self) -> ground::proc::Process {
        ground::proc::Process::of(self.pid)
    }
}

impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// How the processes of a box come into a cgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Birth {
    /// v2: a directory, for `CLONE_INTO_CGROUP`: the child is never anywhere else.
    Into(PathBuf),
    /// v1: a `tasks` file, to which the child writes `0`, itself, as its first act.
    Write(PathBuf),
}

/// All births of a box, opened on the host: whoever is born in a user namespace of its own may not open them any more.
#[derive(Debug, Default)]
pub(crate) struct Births {
    pub(crate) group: Option<File>,
    pub(crate) tasks: Vec<File>,
}

impl Births {
    /// Parts that share a group name it more than once.
    fn open(births: &[Birth]) -> Result<Births> {
        let mut opened = Births::default();
        for (n, birth) in births.iter().enumerate() {
            match birth {
                again if births[..n].contains(again) => {}
                Birth::Into(at) => opened.group = Some(open(at, OpenOptions::new().read(true))?),
                Birth::Write(at) => opened.tasks.push(open(at, OpenOptions::new().write(true))?),
            }
        }
        Ok(opened)
    }
}

fn open(at: &Path, options: &OpenOptions) -> Result<File> {
    quietly(format_args!("open {}", path(at.display()))).run(|| options.open(at))
}

/// One mechanism of a container. Every moment is optional; the crate's page shows them in order.
pub trait Part {
    /// The namespaces it needs: made by run, joined by exec.
    fn namespaces(&self) -> CloneFlags {
        CloneFlags::empty()
    }

    /// The groups in which every process of the box is born. Asked after [`Part::prepare`], and by exec without it.
    fn cgroups(&self) -> Result<Vec<Birth>> {
        Ok(Vec::new())
    }

    /// On the host, before the clone: make what the box will need.
    fn prepare(&mut self) -> Result<()> {
        Ok(())
    }

    /// On the host, while the child waits at the gate: give it what only the host can give.
    fn attach(&mut self, _child: &Child) -> Result<()> {
        Ok(())
    }

    /// In the first process of the box, in the order of the list: furnish the new namespaces.
    fn enter(&mut self) -> Result<()> {
        Ok(())
    }

    /// In every process of the box, last before `execve`: give up what the command must not have.
    fn seal(&mut self) -> Result<()> {
        Ok(())
    }

    /// On the host, when all is over, in reverse order. Must work on a half-made box, twice, and from another process.
    fn release(&mut self) -> Result<()> {
        Ok(())
    }
}

/// The parts of one container, in order. Dropping them releases what was prepared.
#[derive(Default)]
pub(crate) struct Parts {
    list: Vec<Box<dyn Part>>,
    prepared: bool,
}

impl Parts {
    pub(crate) fn push(&mut self, part: impl Part + 'static) {
        self.list.push(Box::new(part));
    }

    pub(crate) fn namespaces(&self) -> CloneFlags {
        self.list.iter().map(|part| part.namespaces()).collect()
    }

    pub(crate) fn births(&self) -> Result<Births> {
        let groups = self.list.iter().map(|part| part.cgroups()).collect::<Result<Vec<_>>>()?;
        Births::open(&groups.concat())
    }

    pub(crate) fn prepare(&mut self) -> Result<()> {
        self.prepared = true;
        self.list.iter_mut().try_for_each(|part| part.prepare())
    }

    pub(crate) fn attach(&mut self, child: &Child) -> Result<()> {
        self.list.iter_mut().try_for_each(|part| part.attach(child))
    }

    pub(crate) fn enter(&mut self) -> Result<()> {
        self.list.iter_mut().try_for_each(|part| part.enter())
    }

    pub(crate) fn seal(&mut self) -> Result<()> {
        self.list.iter_mut().try_for_each(|part| part.seal())
    }

    /// Releases every part, the last first; one that fails does not keep the others. The first error is returned.
    pub(crate) fn release(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.prepared) {
            return Ok(());
        }
        let outcomes: Vec<_> = self.list.iter_mut().rev().map(|part| part.release()).collect();
        outcomes.into_iter().collect()
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        // An error that matters was returned by `release`; what is left here is found by `clean`.
        let _ = self.release();
    }
}
