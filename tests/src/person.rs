//! A person at a terminal, with a command as their login shell.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::termios::{Termios, tcgetattr};
use nix::unistd::Pid;

use crate::{PATIENCE, eventually};

/// A person at a terminal.
pub struct Person {
    /// `setsid`, which waits for the command.
    pub child: Child,
    master: File,
    slave: OwnedFd,
    seen: Vec<u8>,
}

impl Person {
    /// `setsid --ctty` gives the command the terminal, as a login does.
    pub fn types(command: &Command, rows: u16, columns: u16) -> Person {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).expect("a pseudo-terminal");
        let side = || Stdio::from(pty.slave.try_clone().expect("dup"));
        let mut login = Command::new("setsid");
        login.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args());
        login.envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
        login.stdin(side()).stdout(side()).stderr(side()).process_group(0);
        let child = login.spawn().expect("it starts");
        Person { child, master: pty.master.into(), slave: pty.slave, seen: Vec::new() }
    }

    /// Presses keys.
    pub fn send(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Reads until this is on the screen; what came before it is forgotten.
    #[track_caller]
    pub fn until(&mut self, word: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&self.seen).into_owned();
            if let Some(at) = text.find(word) {
                self.seen = text.as_bytes()[at + word.len()..].to_vec();
                return text[..at].to_string();
            }
            let mut fds = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
            let patience = PollTimeout::try_from(PATIENCE).expect("less than a month");
            let some = poll(&mut fds, patience).expect("poll");
            assert!(some > 0, "no {word:?} in {text:?}");
            let n = self.master.read(&mut buffer).expect("the terminal is open");
            self.seen.extend(&buffer[..n]);
        }
    }

    /// How the terminal treats keys and lines.
    pub fn modes(&self) -> Termios {
        tcgetattr(&self.slave).expect("a terminal")
    }

    /// Gives the window another size.
    pub fn resize(&self, rows: u16, columns: u16) {
        let script = format!("stty rows {rows} cols {columns}");
        let slave = Stdio::from(self.slave.try_clone().expect("dup"));
        assert!(Command::new("sh").args(["-c", &script]).stdin(slave).status().unwrap().success());
    }

    /// The runtime itself: the child of setsid.
    pub fn runtime(&self) -> Pid {
        let pid = self.child.id();
        let file = format!("/proc/{pid}/task/{pid}/children");
        let child = || std::fs::read_to_string(&file).ok()?.split_whitespace().next()?.parse().ok();
        Pid::from_raw(eventually("setsid has a child", child))
    }

    /// Waits for the end of the command; its status.
    pub fn end(mut self) -> i32 {
        self.child.wait().expect("it is ours").code().unwrap_or(-1)
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
