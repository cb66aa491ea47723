//! [`Part`]: what a mechanism contributes to a container, moment by moment.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ground::Result;
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
#[derive(Debug)]
pub enum Birth {
    /// v2: a directory, for `CLONE_INTO_CGROUP`: the child is never anywhere else.
    Into(OwnedFd),
    /// v1: a `tasks` file, to which the child writes `0`, itself, as its first act.
    Write(OwnedFd),
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

    pub(crate) fn cgroups(&self) -> Result<Vec<Birth>> {
        let groups = self.list.iter().map(|part| part.cgroups());
        Ok(groups.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
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
