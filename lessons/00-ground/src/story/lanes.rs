//! The face for people: two lanes, coloured when `colored` says so.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::fd::RawFd;

use colored::{Color, Colorize};

use super::bar::Bar;
use super::{CardRow, Event, Lane, Verdict};
use crate::text::{Redactor, Text};

/// Columns of a line; longer text is folded between words.
const WIDTH: usize = 100;

/// Columns of the label and the indentation of a lane.
fn gutter_width(lane: Lane) -> usize {
    match lane {
        Lane::Host => 5,
        Lane::Box => 14,
    }
}

/// Renders events as lines of two lanes.
pub struct Lanes<W: Write> {
    out: W,
    redactor: Option<Redactor>,
    /// The lane whose label was printed last.
    lane: Option<Lane>,
    /// Only on a terminal.
    bar: Option<Bar>,
}

impl<W: Write> Lanes<W> {
    /// Renders to `out`; with a redactor, varying values become placeholders.
    pub fn new(out: W, redactor: Option<Redactor>) -> Lanes<W> {
        Lanes { out, redactor, lane: None, bar: None }
    }

    /// On a terminal, whose width is asked of `fd`, samples are drawn.
    pub fn on_terminal(mut self, fd: RawFd) -> Lanes<W> {
        self.bar = Some(Bar::on(fd));
        self
    }

    /// Renders one event.
    pub fn show(&mut self, event: &Event) -> io::Result<()> {
        if let Event::Sample { .. } = event {
            return self.bar.as_mut().map_or(Ok(()), |bar| bar.draw(&mut self.out, event));
        }
        self.erase_bar()?;
        self.lines(event)?;
        self.out.flush()
    }

    fn erase_bar(&mut self) -> io::Result<()> {
        self.bar.as_mut().map_or(Ok(()), |bar| bar.erase(&mut self.out))
    }

    fn lines(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Lesson { lesson, title } => {
                self.heading(&format!("Lesson {lesson}: {title}"), '=')
            }
            Event::Experiment { experiment, title, .. } => {
                self.heading(&format!("Experiment {experiment}: {title}"), '-')
            }
            Event::Claim { claim, text } => self.folded(&format!(" {claim} "), text, None),
            Event::Step { lane, text } => self.step(*lane, text),
            Event::Call { lane, call, shell, result } => {
                self.call(*lane, call, shell.as_ref(), result)
            }
            Event::Evidence { lane, source, value } => {
                let line = format!("{}: {}", self.plain(source), self.plain(value));
                self.line(*lane, "≡ ", &line, Some(Color::Green))
            }
            Event::Output { lane, text } => {
                let line = self.plain(text);
                self.line(*lane, "| ", &line, None)
            }
            Event::Conclusion { text } => self.aside("  ∴ ", text, Color::Yellow),
            Event::Note { text } => self.aside("  (i) ", text, Color::BrightBlack),
            Event::Card { rows } => self.card(rows),
            Event::Verdict { claims, reason, .. } => self.verdict(claims, reason.as_deref()),
            Event::Sample { .. } => Ok(()),
        }
    }

    fn call(
        &mut self,
        lane: Lane,
        call: &Text,
        shell: Option<&Text>,
        result: &Text,
    ) -> io::Result<()> {
        let line = format!("{} = {}", self.plain(call), self.plain(result));
        self.line(lane, "→ ", &line, Some(Color::Cyan))?;
        let Some(shell) = shell else { return Ok(()) };
        let line = format!("$ {}", self.plain(shell));
        self.line(lane, "    ", &line, Some(Color::BrightBlack))
    }

    /// A line that is in no lane.
    fn aside(&mut self, head: &str, text: &Text, colour: Color) -> io::Result<()> {
        let line = self.plain(text);
        self.lane = None;
        self.folded(head, &line, Some(colour))
    }

    fn plain(&mut self, text: &Text) -> String {
        match &mut self.redactor {
            Some(redactor) => redactor.redact(text),
            None => text.text.clone(),
        }
    }

    fn heading(&mut self, title: &str, underline: char) -> io::Result<()> {
        self.lane = None;
        let rule = underline.to_string().repeat(title.chars().count());
        writeln!(self.out, "\n{}\n{}", title.bold(), rule.dimmed())
    }

    fn step(&mut self, lane: Lane, text: &Text) -> io::Result<()> {
        self.redactor.iter_mut().for_each(Redactor::begin_step);
        let line = self.plain(text);
        self.lane = None;
        writeln!(self.out)?;
        for (i, part) in fold(&line, WIDTH - gutter_width(lane) - 2).enumerate() {
            let gutter = self.gutter(lane);
            let mark = if i == 0 { "▸ " } else { "  " };
            writeln!(self.out, "{gutter}{mark}{}", part.bold())?;
        }
        Ok(())
    }

    /// One line in its lane: folded, the mark before the first part only.
    fn line(
        &mut self,
        lane: Lane,
        mark: &str,
        line: &str,
        colour: Option<Color>,
    ) -> io::Result<()> {
        let indent = " ".repeat(mark.chars().count());
        for (i, part) in fold(line, WIDTH - gutter_width(lane) - indent.len()).enumerate() {
            let gutter = self.gutter(lane);
            let mark = if i == 0 { mark } else { &indent };
            writeln!(self.out, "{gutter}{}", paint(&format!("{mark}{part}"), colour))?;
        }
        Ok(())
    }

    /// The lane's label when it was not the last one, else as much space. The box's lane is set in.
    fn gutter(&mut self, lane: Lane) -> String {
        let fresh = self.lane != Some(lane);
        self.lane = Some(lane);
        match (lane, fresh) {
            (Lane::Host, true) => format!("{} ", "HOST".on_blue().white().bold()),
            (Lane::Box, true) => format!("          {} ", "BOX".on_magenta().white().bold()),
            (lane, false) => " ".repeat(gutter_width(lane)),
        }
    }

    fn folded(&mut self, head: &str, text: &str, colour: Option<Color>) -> io::Result<()> {
        let indent = " ".repeat(head.chars().count());
        for (i, part) in fold(text, WIDTH - indent.len()).enumerate() {
            let head = if i == 0 { head } else { &indent };
            writeln!(self.out, "{}", paint(&format!("{head}{part}"), colour))?;
        }
        Ok(())
    }

    fn card(&mut self, rows: &[CardRow]) -> io::Result<()> {
        self.lane = None;
        let rows: Vec<(&CardRow, String, String)> =
            rows.iter().map(|row| (row, self.plain(&row.host), self.plain(&row.inside))).collect();
        let width = rows.iter().map(|(_, host, _)| host.chars().count()).max().unwrap_or(0).max(4);
        let title = format!("  {:<10} {:<17} {:<width$}  {}", "", "Isolation card", "host", "box");
        writeln!(self.out, "\n{}", title.bold())?;
        for (row, host, inside) in rows {
            let line = format!("{:<17} {host:<width$}  {inside}", row.thing);
            match (row.isolated, row.unknown) {
                (_, true) => writeln!(self.out, "  {} {line}", "? unknown ".yellow())?,
                (true, _) => writeln!(self.out, "  {} {line}", "● isolated".green())?,
                _ => writeln!(self.out, "  {} {}", "○ shared  ".dimmed(), line.dimmed())?,
            }
        }
        Ok(())
    }

    fn verdict(
        &mut self,
        claims: &BTreeMap<String, Verdict>,
        reason: Option<&str>,
    ) -> io::Result<()> {
        self.lane = None;
        writeln!(self.out)?;
        for (claim, verdict) in claims {
            let colour = match verdict {
                Verdict::Holds => Color::Green,
                Verdict::Refuted => Color::Red,
                Verdict::Partly | Verdict::Outdated => Color::Yellow,
                Verdict::Skipped => Color::BrightBlack,
            };
            writeln!(self.out, "  {claim} {}", verdict.word().color(colour).bold())?;
        }
        match reason {
            Some(reason) => self.folded("       ", reason, None),
            None => Ok(()),
        }
    }
}

/// A bar whose series did not come to its end does not stay behind.
impl<W: Write> Drop for Lanes<W> {
    fn drop(&mut self) {
        // A terminal that went away needs no erasing.
        let _ = self.erase_bar().and_then(|()| self.out.flush());
    }
}

fn paint(line: &str, colour: Option<Color>) -> String {
    match colour {
        Some(colour) => line.color(colour).to_string(),
        None => line.to_string(),
    }
}

/// Folds between words; a word longer than the line stays whole.
fn fold(text: &str, width: usize) -> impl Iterator<Item = String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("never empty");
        if !last.trim().is_empty() && last.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_string());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines.into_iter()
}
