//! The README's picture of a terminal: drawn from the recorded demo of lesson 01, so that it shows what is printed.

use std::fmt::Write;
use std::fs;

use crate::html::escape;
use crate::problem::{Problem, Problems};
use crate::terminal::{self, Line, Span, Style};
use crate::workspace::Workspace;

const PATH: &str = "book/src/images/terminal.svg";
const COMMAND: &str = "$ cargo xtask run lesson 01";

/// The most lines that are drawn; the picture ends before the step that would not fit.
const MOST_LINES: usize = 32;
/// Size of a character cell, in the drawing's units.
const CELL: (f64, usize) = (8.4, 20);
const COLUMNS: usize = 100;
const MARGIN: usize = 20;
/// Height of the bar above the first line.
const BAR: usize = 36;

/// Draws it.
pub fn draw(workspace: &Workspace) -> Result<(), Problems> {
    let drawn = render(workspace)?;
    fs::write(workspace.root().join(PATH), drawn).map_err(|e| Problem::of(PATH, e).into())
}

/// Fails when the drawing is not of what is recorded now.
pub fn check(workspace: &Workspace) -> Result<(), Problems> {
    let drawn = render(workspace)?;
    match workspace.read(PATH) {
        Ok(kept) if kept == drawn => Ok(()),
        _ => {
            Err(Problem::of(PATH, "not of the recorded demo; draw it with boxwright-book picture")
                .into())
        }
    }
}

fn render(workspace: &Workspace) -> Result<String, Problems> {
    let recordings = workspace.recordings("01/demo").map_err(|e| Problem::of(PATH, e))?;
    let lines = terminal::parse(recordings[0].text.trim_matches('\n'));
    let lines: Vec<Line> = terminal::shown(&lines).cloned().collect();
    Ok(svg(&fitting(&lines)))
}

/// The lines up to the last step that fits, and a sign that there is more.
fn fitting(lines: &[Line]) -> Vec<Line> {
    if lines.len() <= MOST_LINES {
        return lines.to_vec();
    }
    let end = lines[..MOST_LINES].iter().rposition(Vec::is_empty).unwrap_or(MOST_LINES);
    let more = vec![Span { style: Style::Note, text: "…".to_string() }];
    lines[..end].iter().cloned().chain([vec![], more]).collect()
}

fn svg(lines: &[Line]) -> String {
    let width = MARGIN * 2 + (COLUMNS as f64 * CELL.0) as usize;
    let height = BAR + MARGIN * 2 + (lines.len() + 2) * CELL.1;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"ui-monospace, SFMono-Regular, Menlo, 'DejaVu Sans Mono', Consolas, monospace\" \
         font-size=\"14\">\n<title>{COMMAND}: a process becomes PID 1</title>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"10\" fill=\"#14171f\"/>\n\
         <path d=\"M0 10a10 10 0 0 1 10-10h{}a10 10 0 0 1 10 10v26h-{width}z\" fill=\"#222734\"/>",
        width - 20,
    );
    for (i, colour) in ["#e06c65", "#e0b155", "#6fb76a"].iter().enumerate() {
        let _ =
            writeln!(out, "<circle cx=\"{}\" cy=\"18\" r=\"6\" fill=\"{colour}\"/>", 20 + i * 20);
    }
    let prompt = vec![Span { style: Style::Step, text: COMMAND.to_string() }];
    for (row, line) in [&prompt, &Vec::new()].into_iter().chain(lines).enumerate() {
        draw_line(&mut out, BAR + MARGIN + row * CELL.1, line);
    }
    out + "</svg>\n"
}

/// One line whose upper edge is at `top`.
fn draw_line(out: &mut String, top: usize, line: &Line) {
    let mut column = 0;
    for span in line {
        let length = span.text.chars().count();
        let text = span.text.trim_start();
        let at = column + length - text.chars().count();
        if !text.trim_end().is_empty() {
            draw_span(out, at, top, text.trim_end(), span.style);
        }
        column += length;
    }
}

fn draw_span(out: &mut String, column: usize, top: usize, text: &str, style: Style) {
    let (fill, ground, bold) = look(style);
    let x = MARGIN as f64 + column as f64 * CELL.0;
    let width = text.chars().count() as f64 * CELL.0;
    if let Some(ground) = ground {
        let (y, height) = (top + 1, CELL.1 - 3);
        let _ = writeln!(
            out,
            "<rect x=\"{:.1}\" y=\"{y}\" width=\"{:.1}\" height=\"{height}\" rx=\"4\" fill=\"{ground}\"/>",
            x - 2.0,
            width + 4.0
        );
    }
    // The tile stands for the brackets of a placeholder.
    let inner = if let Style::Value(_) = style { text.trim_matches(['<', '>']) } else { text };
    let length = inner.chars().count() as f64 * CELL.0;
    let x = x + (width - length) / 2.0;
    let weight = if bold { " font-weight=\"bold\"" } else { "" };
    let (text, baseline) = (escape(inner), top + 14);
    // The length is given, so that columns stand under one another in every font.
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{baseline}\" fill=\"{fill}\"{weight} textLength=\"{length:.1}\" \
         lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\">{text}</text>"
    );
}

/// Colour, background, bold.
fn look(style: Style) -> (&'static str, Option<&'static str>, bool) {
    match style {
        Style::Host => ("#ffffff", Some("#2f6fd0"), true),
        Style::Box => ("#ffffff", Some("#a3479f"), true),
        Style::Heading | Style::Step => ("#f2f4f8", None, true),
        Style::Call => ("#6cc7d9", None, false),
        Style::Evidence | Style::Holds | Style::Isolated => ("#8ccf7e", None, false),
        Style::Conclusion | Style::Mixed => ("#e6c069", None, false),
        Style::Refuted => ("#e5786d", None, false),
        Style::Shell | Style::Note | Style::Rule | Style::Shared | Style::Skipped => {
            ("#8a92a6", None, false)
        }
        Style::Value(_) => ("#d5d9e4", Some("#323a4e"), false),
        Style::Claim | Style::Plain => ("#cdd2de", None, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_demo_ends_with_a_whole_step() {
        let line = || vec![Span { style: Style::Plain, text: "x".to_string() }];
        let mut lines = vec![line(); 60];
        lines[25] = vec![];
        let shown = fitting(&lines);
        assert_eq!(shown.len(), 27);
        assert_eq!(shown[26][0].text, "…");
        assert_eq!(fitting(&lines[..20]).len(), 20);
    }

    #[test]
    fn columns_are_counted_in_characters() {
        let mut out = String::new();
        draw_line(&mut out, 0, &terminal::parse("     → a <pid 1>")[0]);
        let x = MARGIN as f64 + 10.0 * CELL.0;
        assert!(out.contains(&format!("<text x=\"{x:.1}\"")), "{out}");
    }
}
