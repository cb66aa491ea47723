//! The loop of an init: reap, forward, end.

use crate::divide::Terminal;
use crate::options::Options;
use crate::say;
use crate::signal::{self, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP};
use crate::sys::{self, Change, Errno};

/// An init and its child.
pub struct Supervisor {
    child: i32,
    options: Options,
    terminal: Option<Terminal>,
}

impl Supervisor {
    pub(crate) fn new(child: i32, options: Options, terminal: Option<Terminal>) -> Supervisor {
        Supervisor { child, options, terminal }
    }

    /// The child, as this process counts.
    pub fn child(&self) -> i32 {
        self.child
    }

    // ANCHOR: supervise
    /// Forwards and reaps until the child has ended; returns the status to exit with.
    pub fn run(&self) -> u8 {
        self.introduce();
        loop {
            match sys::wait_for_signal(signal::ALL) {
                SIGCHLD => {
                    if let Some(status) = self.reap() {
                        self.terminal.iter().for_each(Terminal::give_back);
                        return self.options.status(status);
                    }
                }
                signal => self.forward(signal),
            }
        }
    }

    /// Waits for whoever has ended. Several deaths may be one SIGCHLD, so it goes on until nobody is left.
    fn reap(&self) -> Option<u8> {
        let mut ended = None;
        while let Ok(Some((pid, change))) = sys::reap_any() {
            match change {
                Change::Stopped(signal) if pid == self.child => self.child_stopped(signal),
                Change::Stopped(_) => {}
                Change::Exited(status) if pid == self.child => ended = Some(status),
                Change::Killed(signal) if pid == self.child => ended = Some(128 + signal as u8),
                Change::Exited(_) | Change::Killed(_) => self.reaped(pid),
            }
        }
        ended
    }

    fn forward(&self, signal: i32) {
        if signal == SIGCONT {
            self.terminal.iter().for_each(|terminal| terminal.lend(self.child));
        }
        let target = if self.options.group { -self.child } else { self.child };
        self.tell(3, b"forward", signal);
        match sys::kill(target, signal) {
            // It is dead already, and SIGCHLD says so.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => say::failed(b"forward a signal", error),
        }
    }
    // ANCHOR_END: supervise

    /// Ctrl-Z. Only the terminal's stops are looked at; whoever sends SIGSTOP means it.
    fn child_stopped(&self, signal: i32) {
        let Some(terminal) = self.terminal.filter(|_| signal == SIGTSTP) else { return };
        if sys::own_pid() == 1 {
            // Nobody in here could say `fg`. The kernel drops Ctrl-Z for groups without such a parent (orphaned
            // ones, see setpgid(2)); it takes us for one.
            let _ = sys::kill(-self.child, SIGCONT);
            return;
        }
        // A shell started us: let it see its whole job stop. Its `fg` sends SIGCONT, which is forwarded.
        terminal.give_back();
        let _ = sys::kill(0, SIGSTOP);
    }

    fn introduce(&self) {
        let mut digits = [0; 10];
        if self.options.verbosity >= 2 {
            say::line(&[b"init: the child is pid ", say::decimal(self.child, &mut digits)]);
        }
        if self.options.verbosity >= 1 && sys::own_pid() != 1 && !sys::is_subreaper() {
            say::line(&[
                b"init: not PID 1 and no subreaper: orphans will not come here; use -s or set TINI_SUBREAPER",
            ]);
        }
    }

    fn tell(&self, level: i32, what: &[u8], signal: i32) {
        if self.options.verbosity >= level {
            say::line(&[b"init: ", what, b" ", say::signal(signal, &mut [0; 10])]);
        }
    }

    fn reaped(&self, pid: i32) {
        if self.options.warn || self.options.verbosity >= 3 {
            say::line(&[b"init: reaped orphan ", say::decimal(pid, &mut [0; 10])]);
        }
    }
}
