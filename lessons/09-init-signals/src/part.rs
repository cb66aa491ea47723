//! [`Init`]: the init as a part of a box.

use std::io::stdin;

use clone_pid::Part;
use ground::Result;
use ground::call::{doing, quietly};
use ground::needs::in_initial_user_namespace;
use init::sys::{Action, set_action};
use init::{Options, Side, Supervisor, divide};
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{getpgrp, tcgetpgrp, tcsetpgrp};

use crate::sys;

// ANCHOR: init
/// An init in front of the command, if wanted. The last part of the list: what is sealed before the fork holds for PID 1 as
/// for the command.
#[derive(Default)]
pub struct Init {
    wanted: bool,
    /// In the first process of a box, and not in a guest of `exec`.
    first: bool,
    /// This process was in the foreground of the terminal on its standard input.
    foreground: bool,
}

impl Part for Init {
    fn prepare(&mut self) -> Result<()> {
        self.foreground = self.wanted && tcgetpgrp(stdin()) == Ok(getpgrp());
        Ok(())
    }

    fn enter(&mut self) -> Result<()> {
        self.first = true;
        Ok(())
    }

    /// Forks. The child goes on to the command; PID 1 stays here until the child has ended.
    fn seal(&mut self) -> Result<()> {
        if !(self.wanted && self.first) {
            return Ok(());
        }
        let side = doing("fork: PID 1 stays as init, its child goes on to the command")
            .like("tini -- COMMAND")
            .run_showing(|| divide(Options::default(), !self.foreground).map_err(errno), told)?;
        match side {
            Side::Child => Ok(()),
            Side::Init(supervisor) => be_init(supervisor),
        }
    }

    fn release(&mut self) -> Result<()> {
        match std::mem::take(&mut self.foreground) {
            true => take_terminal_back(),
            false => Ok(()),
        }
    }
}

/// The life of PID 1 from here on.
fn be_init(supervisor: Supervisor) -> ! {
    // The host waits for the end of file on its socket, which says that the command runs; and nobody in the box should
    // find a descriptor of the host's in here.
    sys::close_from(3);
    // This is a copy of a Rust program, whose runtime catches two and ignores one. An init has no handlers.
    for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGPIPE] {
        let _ = set_action(signal, &Action::DEFAULT);
    }
    let _ = prctl::set_name(c"init");
    if in_initial_user_namespace() {
        // Root in the box is root of the host: through /proc/1/exe it could write to the kit's own binary (CVE-2019-5736).
        // What cannot be dumped cannot be looked into, without CAP_SYS_PTRACE.
        let _ = prctl::set_dumpable(false);
    }
    sys::exit_now(supervisor.run())
}
// ANCHOR_END: init

impl Init {
    /// With an init or without.
    pub fn wanted(wanted: bool) -> Init {
        Init { wanted, ..Init::default() }
    }
}

fn errno(error: init::sys::Errno) -> Errno {
    Errno::from_raw(error.0)
}

fn told(side: &Side) -> Option<String> {
    matches!(side, Side::Child).then(|| format!("pid {}", std::process::id()))
}

/// The command was in the foreground, and has ended: the terminal belongs to nobody, and whoever reads from it next would
/// get EIO.
fn take_terminal_back() -> Result<()> {
    // The kernel stops whoever does this from the background, unless SIGTTOU is blocked.
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGTTOU);
    let before = quietly("block SIGTTOU")
        .run(|| mask.thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_BLOCK))?;
    // It may be closed by now.
    let _ = tcsetpgrp(stdin(), getpgrp());
    quietly("restore the signal mask").run(|| before.thread_set_mask())
}
