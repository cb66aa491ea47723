//! The child's way from the clone to `execve`.

use std::convert::Infallible;
use std::panic::{self, AssertUnwindSafe};

use ground::call::{doing, quietly};
use ground::error::Kind;
use ground::proc::ns::flag_names;
use ground::{Error, Result};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::unistd::{self, Gid, Uid};

use crate::cloning::options;
use crate::container::{Container, UNSHARED_BY_CHILD};
use crate::guest::join_namespaces;
use crate::part::{Births, Child};
use crate::sys;
use crate::telegraph::Telegraph;

impl Container {
    /// Everything that the child does. Only its error comes back, and travels to the host.
    pub(crate) fn be_born(
        mut self,
        wire: Telegraph,
        births: &Births,
        become_it: impl FnOnce(&mut Container) -> Result<()>,
    ) -> ! {
        let way = AssertUnwindSafe(|| {
            wire.carry_story();
            self.die_with_parent()?;
            join_v1_groups(births)?;
            if !wire.wait_for_go() {
                sys::exit_now(0);
            }
            become_it(&mut self)?;
            if self.stop_before_seal && !wire.announce_and_wait() {
                sys::exit_now(0);
            }
            self.seal_and_exec(&wire)
        });
        // A panic must not unwind into the copy of the host's stack.
        let error = match panic::catch_unwind(way) {
            Ok(Err(error)) => error,
            _ => Error::new(Kind::Failed, "the container's first process panicked"),
        };
        wire.fail(&error);
        sys::exit_now(error.run_status().into())
    }

    /// The first process: new namespaces are there, and empty or copied; furnish them.
    pub(crate) fn become_first(&mut self) -> Result<()> {
        let namespaces = self.parts.namespaces();
        if namespaces.contains(CloneFlags::CLONE_NEWUSER) {
            self.become_root()?;
        }
        let late = namespaces & UNSHARED_BY_CHILD;
        if !late.is_empty() {
            doing(format_args!("unshare {}", flag_names(late)))
                .like_args(format_args!("unshare {}", options(late)))
                .run(|| unshare(late))?;
        }
        self.parts.enter()
    }

    /// A guest: the namespaces are furnished already.
    pub(crate) fn become_guest(&mut self, target: &Child) -> Result<()> {
        // Until execve our program is a file of the host, and the box would find it at /proc/PID/exe: runc's CVE-2019-5736.
        // Nobody may look into a process that is not dumpable, but who has CAP_SYS_PTRACE out here. execve resets it.
        quietly("prctl PR_SET_DUMPABLE 0").run(|| prctl::set_dumpable(false))?;
        let namespaces = self.parts.namespaces() - CloneFlags::CLONE_NEWPID;
        if !namespaces.is_empty() {
            join_namespaces(target, namespaces)?;
        }
        if namespaces.contains(CloneFlags::CLONE_NEWUSER) {
            self.become_root()?;
        }
        Ok(())
    }

    /// Takes the user ID 0 that the map, written while we waited at the gate, gives us. Until then we are nobody in our own
    /// user namespace, and could not even make a directory in it (EOVERFLOW).
    fn become_root(&self) -> Result<()> {
        quietly("setgroups to none").run(|| match unistd::setgroups(&[]) {
            // `deny` in /proc/self/setgroups: the map was written without privilege.
            Err(Errno::EPERM) => Ok(()),
            other => other,
        })?;
        let (root, wheel) = (Uid::from_raw(0), Gid::from_raw(0));
        doing("setresgid 0")
            .like("setpriv --regid 0 --clear-groups COMMAND")
            .run(|| unistd::setresgid(wheel, wheel, wheel))?;
        doing("setresuid 0")
            .like("setpriv --reuid 0 COMMAND")
            .run(|| unistd::setresuid(root, root, root))?;
        // A change of credentials clears it.
        self.die_with_parent()
    }

    fn die_with_parent(&self) -> Result<()> {
        match self.outlives {
            true => Ok(()),
            false => {
                quietly("prctl PR_SET_PDEATHSIG").run(|| prctl::set_pdeathsig(Signal::SIGKILL))
            }
        }
    }

    fn seal_and_exec(&mut self, wire: &Telegraph) -> Result<Infallible> {
        // First: what `seal` forks, an init, is to have the box's terminal and pipes, too.
        self.take_stdio()?;
        self.parts.seal()?;
        reset_signals(self.ignored)?;
        // Whatever this process or its ancestors left open ends here, and with it the telegraph.
        quietly("close_range from 3 on execve").run(|| sys::close_on_exec_from(3))?;
        if self.card {
            // The card names PID 1 by its command, which is about to be that.
            let _ = prctl::set_name(self.program.name());
            if !wire.announce_and_wait() {
                sys::exit_now(0);
            }
        }
        self.program.exec()
    }

    fn take_stdio(&mut self) -> Result<()> {
        let [stdin, stdout, stderr] = &self.stdio;
        let what = "dup2 to standard input, output and error";
        quietly(what).run(|| stdin.as_ref().map_or(Ok(()), unistd::dup2_stdin))?;
        quietly(what).run(|| stdout.as_ref().map_or(Ok(()), unistd::dup2_stdout))?;
        quietly(what).run(|| stderr.as_ref().map_or(Ok(()), unistd::dup2_stderr))
    }
}

/// v1 has no way to clone into a group. The child, which has one thread, moves itself: `0` written to `tasks` moves the
/// writing thread, and needs none of the locks that make a move through `cgroup.procs` slow.
fn join_v1_groups(births: &Births) -> Result<()> {
    births.tasks.iter().try_for_each(|tasks| {
        doing("write 0 to the tasks file")
            .like("echo 0 > tasks")
            .run(|| unistd::write(tasks, b"0"))
            .map(drop)
    })
}

/// The lesson blocks signals, Rust ignores SIGPIPE, and whoever started the lesson may ignore others. All that is inherited
/// through `execve`, and no command expects it. Handlers end with it by themselves.
fn reset_signals(ignored: u64) -> Result<()> {
    for signal in (1..=31).filter(|signal| ignored >> (signal - 1) & 1 == 1) {
        quietly(format_args!("reset signal {signal}")).run(|| sys::default_action(signal))?;
    }
    let none = SigSet::empty();
    quietly("unblock signals").run(|| sigprocmask(SigmaskHow::SIG_SETMASK, Some(&none), None))
}
