//! [`Guardian`]: puts a terminal right when who changed it has gone. Nobody could do that themselves: a SIGKILL leaves no
//! time for it.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use ground::Result;
use ground::call::quietly;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::prctl;
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, dup2_stderr, dup2_stdout, pipe2, read, setsid};

use super::monitor::null;
use super::sys;

/// A process that lives a moment longer than this one.
pub struct Guardian {
    /// Nobody else has this end: when it is closed, this process has gone.
    life: Option<OwnedFd>,
    process: Pid,
}

impl Guardian {
    /// For the terminal on standard input, which was `before` and is `raw` now.
    pub fn begin(before: &Termios, raw: &Termios) -> Result<Guardian> {
        let (death, life) = quietly("make a pipe").run(|| pipe2(OFlag::O_CLOEXEC))?;
        match quietly("fork").run(sys::fork)? {
            Some(process) => Ok(Guardian { life: Some(life), process }),
            None => {
                sys::close_all_but(&[death.as_raw_fd()]);
                let _ = keep_watch(&death, before, raw);
                crate::sys::exit_now(0)
            }
        }
    }
}

impl Drop for Guardian {
    /// Returns when the terminal is as it was.
    fn drop(&mut self) {
        self.life = None;
        let _ = waitpid(self.process, None);
    }
}

// ANCHOR: guardian
/// In a session of its own it gets no signal from the terminal, and may set it from outside the foreground.
fn keep_watch(death: &OwnedFd, before: &Termios, raw: &Termios) -> Result<()> {
    quietly("setsid").run(setsid)?;
    let _ = prctl::set_name(c"bxw-guardian");
    let null = null()?;
    quietly("dup2 to standard output").run(|| dup2_stdout(&null))?;
    quietly("dup2 to standard error").run(|| dup2_stderr(&null))?;
    while read(death, &mut [0]) == Err(Errno::EINTR) {}
    // A shell may have put it right already, and changed it for its own line.
    match quietly("tcgetattr").run(|| tcgetattr(io::stdin()))? == *raw {
        true => quietly("tcsetattr").run(|| tcsetattr(io::stdin(), SetArg::TCSANOW, before)),
        false => Ok(()),
    }
}
// ANCHOR_END: guardian
