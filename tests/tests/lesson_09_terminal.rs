//! The init under a shell with job control: what keys do.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::openpty;
use nix::sys::termios::{LocalFlags, tcgetattr};
use tests::{PATIENCE, binary, eventually, needs, program};

/// An interactive shell on a terminal of its own; killed when dropped.
struct Shell {
    keys: File,
    seen: String,
    child: Child,
}

impl Shell {
    fn start() -> Shell {
        let pty = openpty(None, None).expect("a terminal");
        let slave = || Stdio::from(pty.slave.try_clone().expect("dup"));
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait", "bash", "--norc", "--noprofile", "-i"]);
        command.env("PS1", "prompt>").env("TERM", "dumb").env("INIT", binary("bxw-init"));
        command.stdin(slave()).stdout(slave()).stderr(slave());
        let child = command.spawn().expect("setsid is there");
        let mut shell = Shell { keys: pty.master.into(), seen: String::new(), child };
        shell.until("prompt>");
        shell
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Reads until the terminal has shown this; returns what came before.
    #[track_caller]
    fn until(&mut self, text: &str) -> String {
        while !self.seen.contains(text) {
            let mut fds = [PollFd::new(self.keys.as_fd(), PollFlags::POLLIN)];
            let ready = poll(&mut fds, PollTimeout::try_from(PATIENCE).unwrap()).expect("poll");
            assert!(ready > 0, "no {text:?} in {:?}", self.seen);
            let mut buffer = [0; 4096];
            let n = self.keys.read(&mut buffer).expect("read the terminal");
            self.seen.push_str(&String::from_utf8_lossy(&buffer[..n]));
        }
        let at = self.seen.find(text).unwrap_or_default();
        let rest = self.seen.split_off(at + text.len());
        std::mem::replace(&mut self.seen, rest)
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A line that the command behind the init echoes: it has the terminal. Until the shell has put the terminal back into
/// canonical mode, what is typed would be no line yet.
fn echoes(shell: &mut Shell, word: &str) {
    eventually("the shell has handed the terminal over", || {
        let modes = tcgetattr(&shell.keys).expect("a terminal").local_flags;
        modes.contains(LocalFlags::ICANON).then_some(())
    });
    shell.press(&format!("{word}\n"));
    shell.until(&format!("{word}\r\n{word}\r\n"));
}

fn started() -> Option<Shell> {
    if !needs(&[ground::needs::Need::Bash]) || !program("setsid") {
        return None;
    }
    let mut shell = Shell::start();
    shell.press("$INIT -s -- cat\n");
    shell.until("cat\r\n");
    echoes(&mut shell, "one");
    Some(shell)
}

#[test]
fn ctrl_z_stops_the_job_and_fg_goes_on_with_it() {
    let Some(mut shell) = started() else { return };
    for word in ["two", "three"] {
        shell.press("\x1a");
        shell.until("Stopped");
        shell.until("prompt>");
        shell.press("fg\n");
        shell.until("cat\r\n");
        echoes(&mut shell, word);
    }
    // End of file.
    shell.press("\x04");
    shell.until("prompt>");
    shell.press("echo status $?\n");
    shell.until("status 0\r\n");
}

#[test]
fn ctrl_c_ends_the_command_and_the_shell_has_its_terminal_back() {
    let Some(mut shell) = started() else { return };
    shell.press("\x03");
    shell.until("prompt>");
    shell.press("echo status $?\n");
    shell.until("status 130\r\n");
}
