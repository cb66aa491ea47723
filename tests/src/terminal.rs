//! A terminal to which a lesson is connected, and what stands on its screen.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A command on a terminal of its own.
pub struct Terminal {
    child: std::process::Child,
    master: File,
    /// All that was written to it.
    pub written: String,
}

impl Terminal {
    /// Starts the command on a terminal of so many columns.
    pub fn start(command: &mut Command, columns: u16) -> Terminal {
        let size = Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).expect("a pseudo-terminal");
        let slave = |fd: &OwnedFd| Stdio::from(fd.try_clone().expect("dup"));
        command.stdin(Stdio::null()).stdout(slave(&pty.slave)).stderr(slave(&pty.slave));
        let child = command.env("TERM", "xterm").env_remove("NO_COLOR").spawn();
        // The command object keeps copies of the slave, and with them the terminal would never be at its end.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let master = File::from(pty.master);
        Terminal { child: child.expect("the command starts"), master, written: String::new() }
    }

    /// Reads until `word` was written, or the command has ended.
    pub fn until(&mut self, word: &str) {
        self.until_count(word, 1);
    }

    /// Reads until `word` was written so many times, or the command has ended.
    pub fn until_count(&mut self, word: &str, times: usize) {
        let mut bytes = self.written.clone().into_bytes();
        let mut buffer = [0; 4096];
        while String::from_utf8_lossy(&bytes).matches(word).count() < times {
            // EIO: nobody has the other side any more.
            let Ok(n @ 1..) = self.master.read(&mut buffer) else { break };
            bytes.extend(&buffer[..n]);
        }
        self.written = String::from_utf8_lossy(&bytes).into_owned();
    }

    /// Sends the command a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("it is there");
    }

    /// Reads to the end; the lines of the screen, and the exit status.
    pub fn end(mut self) -> (Vec<String>, i32) {
        self.until("\u{0}");
        let status = self.child.wait().expect("it is our child");
        (screen(&self.written), status.code().unwrap_or(-1))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a terminal shows of this: carriage return, line feed, erasing to the end of the line or of the screen, and the
/// cursor going up; colours are left out.
pub fn screen(written: &str) -> Vec<String> {
    let mut lines: Vec<Vec<char>> = vec![vec![]];
    let (mut row, mut column) = (0, 0);
    let mut chars = written.chars();
    while let Some(c) = chars.next() {
        match c {
            '\r' => column = 0,
            '\n' => {
                row += 1;
                lines.resize(lines.len().max(row + 1), vec![]);
            }
            '\u{1b}' => {
                let sequence: String = take_sequence(&mut chars);
                let number = sequence[1..sequence.len() - 1].parse().unwrap_or(1);
                match sequence.chars().last() {
                    Some('K') => lines[row].truncate(column),
                    Some('J') => {
                        lines.truncate(row + 1);
                        lines[row].truncate(column);
                    }
                    Some('A') => row = row.saturating_sub(number),
                    _ => {}
                }
            }
            c => {
                let line = &mut lines[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = c;
                column += 1;
            }
        }
    }
    lines.into_iter().map(|line| line.into_iter().collect()).collect()
}

/// `[`, numbers, a letter.
fn take_sequence(chars: &mut std::str::Chars) -> String {
    let mut sequence = String::new();
    for c in chars.by_ref() {
        sequence.push(c);
        if c.is_ascii_alphabetic() {
            break;
        }
    }
    sequence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_drawn_over_is_gone() {
        let shown = screen("a\r\nlong line\rshort\u{1b}[K\u{1b}[32m!\u{1b}[0m\r\nb");
        assert_eq!(shown, ["a", "short!", "b"]);
    }

    #[test]
    fn a_table_that_is_drawn_over_is_gone() {
        assert_eq!(screen("1\r\n2\r\n\u{1b}[2A\u{1b}[J3"), ["3"]);
    }
}
