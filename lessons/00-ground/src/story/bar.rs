//! A bar in the last line of a terminal, redrawn in place: for people who watch.

use std::io::{self, Write};
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use colored::Colorize;

use super::Event;
use crate::sys;

const CELLS: usize = 40;
/// Fewer say nothing.
const FEWEST: usize = 8;
const INDENT: usize = 5;
/// More often nobody can look.
const BETWEEN: Duration = Duration::from_millis(50);

/// The line in which samples are drawn.
pub(super) struct Bar {
    fd: RawFd,
    drawn: Option<Instant>,
}

impl Bar {
    /// On this terminal.
    pub fn on(fd: RawFd) -> Bar {
        Bar { fd, drawn: None }
    }

    /// Draws a sample over the one before. The last of a series stays.
    pub fn draw(&mut self, out: &mut impl Write, event: &Event) -> io::Result<()> {
        let Event::Sample { what, part, limit, text, last, .. } = event else { return Ok(()) };
        if !last && self.drawn.is_some_and(|at| at.elapsed() < BETWEEN) {
            return Ok(());
        }
        let columns = sys::window(self.fd).map_or(80, |(columns, _)| columns);
        let line = line(what, [*part, *limit], &text.text, columns);
        self.drawn = Some(Instant::now()).filter(|_| !last);
        // The rest of the line is erased after the text and not before, or the bar would flicker.
        write!(out, "\r{line}\x1b[K{}", if *last { "\n" } else { "" })?;
        out.flush()
    }

    /// Makes room for a line of the story.
    pub fn erase(&mut self, out: &mut impl Write) -> io::Result<()> {
        match self.drawn.take() {
            Some(_) => write!(out, "\r\x1b[K"),
            None => Ok(()),
        }
    }
}

/// Never as long as the terminal is wide: what is folded by the terminal cannot be drawn over.
fn line(what: &str, [part, limit]: [u32; 2], text: &str, columns: usize) -> String {
    let room = columns.saturating_sub(1);
    // In steps: one digit more in the text shall not move the bar.
    let words = INDENT + what.chars().count() + text.chars().count().next_multiple_of(8);
    let cells = room.saturating_sub(words + 3).min(CELLS);
    if cells < FEWEST {
        return format!("{:INDENT$}{what} {text}", "").chars().take(room).collect();
    }
    let bar = drawn(part, limit, cells);
    let bar = if part >= limit { bar.red() } else { bar.green() };
    format!("{:INDENT$}{what} {bar} {text}", "")
}

fn drawn(part: u32, limit: u32, cells: usize) -> String {
    let at = |value: u32| (value.min(1000) as usize * cells + 500) / 1000;
    let cell = |i| match i {
        i if i == at(limit) => '│',
        i if i < at(part) => '█',
        _ => '·',
    };
    (0..=cells).map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_a_mark_in_the_bar() {
        let bar = drawn(500, 250, 40);
        assert_eq!(bar.chars().filter(|c| *c == '█').count(), 19);
        assert_eq!(bar.chars().position(|c| c == '│'), Some(10));
        assert_eq!(drawn(7000, 1000, 40).chars().count(), 41);
    }

    #[test]
    fn no_line_is_as_long_as_the_terminal_is_wide() {
        colored::control::set_override(false);
        for columns in 0..120 {
            let line = line("memory", [500, 1000], "31.0 of 32 MiB", columns);
            assert!(line.chars().count() <= columns.saturating_sub(1), "{columns}: {line:?}");
        }
        assert!(line("memory", [500, 1000], "31.0 of 32 MiB", 100).contains('█'));
    }
}
