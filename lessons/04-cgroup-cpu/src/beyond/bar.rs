//! A bar in the last line of a terminal, redrawn in place: for people who watch. Pipes and recordings do not get it.

use std::io::{IsTerminal, Write, stdout};

use ground::lesson::look;
use ground::story::Face;

const CELLS: usize = 40;

/// A value between 0 and a full bar; gone when dropped.
pub struct Bar {
    label: &'static str,
    shown: bool,
}

impl Bar {
    /// Shows nothing until the first [`Bar::draw`], and nothing at all but on a coloured terminal.
    pub fn new(label: &'static str) -> Bar {
        let terminal = stdout().is_terminal();
        Bar { label, shown: terminal && look().face(terminal) == Face::Colour }
    }

    /// Draws `part` of the whole, with a mark at `limit`, and `text` behind it.
    pub fn draw(&self, part: f64, limit: f64, text: &str) {
        if self.shown {
            // A terminal that went away does not end the lesson.
            let _ = write!(stdout(), "\r\x1b[K     {} {} {text}", self.label, cells(part, limit));
            let _ = stdout().flush();
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(stdout(), "\r\x1b[K");
            let _ = stdout().flush();
        }
    }
}

fn cells(part: f64, limit: f64) -> String {
    let at = |value: f64| (value.clamp(0.0, 1.0) * CELLS as f64).round() as usize;
    let cell = |i| match i {
        i if i == at(limit) => '│',
        i if i < at(part) => '█',
        _ => '·',
    };
    (0..=CELLS).map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_a_mark_in_the_bar() {
        let bar = cells(0.5, 0.25);
        assert_eq!(bar.chars().filter(|c| *c == '█').count(), 19);
        assert_eq!(bar.chars().position(|c| c == '│'), Some(10));
        assert_eq!(cells(7.0, 1.0).chars().count(), CELLS + 1);
    }
}
