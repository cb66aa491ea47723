//! The fork: PID 1 stays, its child goes on.

use crate::options::Options;
use crate::signal;
use crate::supervise::Supervisor;
use crate::sys::{self, Action, Errno};

/// Which side of the fork this is.
pub enum Side {
    /// The process that was here before. It has a child to look after.
    Init(Supervisor),
    /// The child, on its way to the command.
    Child,
}

// ANCHOR: divide
/// Forks. The child gets a process group of its own, in the foreground of the terminal if there is one, and the signal
/// mask that this process had. The caller must have a single thread, and may know that it is in the background.
pub fn divide(options: Options, background: bool) -> Result<Side, Errno> {
    // Blocked before the fork: a child that ends at once must not end unheard.
    let mask = sys::set_mask(signal::ALL)?;
    // Where SIGCHLD is ignored, which is inherited, the kernel reaps children itself and their statuses are lost.
    let action = sys::set_action(signal::SIGCHLD, &Action::DEFAULT)?;
    let terminal =
        Terminal::in_foreground().filter(|terminal| !(background && terminal.is_outside()));
    match sys::fork()? {
        0 => {
            sys::set_own_group()?;
            // A terminal stops whoever sets its foreground group from the background, unless SIGTTOU is blocked.
            terminal.iter().for_each(Terminal::take);
            sys::set_action(signal::SIGCHLD, &action)?;
            sys::set_mask(mask)?;
            Ok(Side::Child)
        }
        child => Ok(Side::Init(Supervisor::new(child, options, terminal))),
    }
}
// ANCHOR_END: divide

/// The terminal on standard input, which had this process in its foreground.
#[derive(Clone, Copy)]
pub struct Terminal {
    /// The process group that had it; 0 when the group's number is of another PID namespace.
    before: i32,
}

impl Terminal {
    /// Whoever is in the background must not take the terminal away from others.
    fn in_foreground() -> Option<Terminal> {
        let before = sys::foreground_group().ok()?;
        (before == sys::own_group()).then_some(Terminal { before })
    }

    /// Groups of another PID namespace all have the number 0: this one may be the caller's, or not.
    fn is_outside(&self) -> bool {
        self.before == 0
    }

    /// Brings the caller's group to the foreground.
    fn take(&self) {
        // It may be gone by now: then there is nothing to take.
        let _ = sys::set_foreground_group(sys::own_group());
    }

    /// Brings a group to the foreground if the one that had it at the beginning has it again, as after a shell's `fg`.
    pub fn lend(&self, group: i32) {
        if sys::foreground_group() == Ok(self.before) {
            let _ = sys::set_foreground_group(group);
        }
    }

    /// Gives it back to those who had it.
    pub fn give_back(&self) {
        if self.before != 0 {
            let _ = sys::set_foreground_group(self.before);
        }
    }
}
