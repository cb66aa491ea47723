//! Reads a plain recording back into what its parts are, so that a page or a picture can colour them.
//!
//! The recording has no colours: they follow from the marks that `ground::story` writes in every face.

/// What a piece of a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// The label `HOST`.
    Host,
    /// The label `BOX`.
    Box,
    /// Title of a lesson, an experiment or a card.
    Heading,
    /// The line under a title.
    Rule,
    /// `▸`: what is about to happen.
    Step,
    /// `→`: a system call and its result.
    Call,
    /// `$`: the shell command that does the same.
    Shell,
    /// `≡`: what was read back.
    Evidence,
    /// `∴`: what follows.
    Conclusion,
    /// `(i)`: a remark.
    Note,
    /// `●`: an isolated row of the card.
    Isolated,
    /// `○`: a shared one.
    Shared,
    /// A claim that an experiment puts to the test.
    Claim,
    /// A verdict: true, not quite, false, not decided.
    Holds,
    /// See above.
    Mixed,
    /// See above.
    Refuted,
    /// See above.
    Skipped,
    /// A placeholder such as `<pid 1>`; equal values have equal numbers, measures have 0.
    Value(usize),
    /// Anything else.
    Plain,
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// What it is.
    pub style: Style,
    /// Its text.
    pub text: String,
}

/// One line, and its pieces in order.
pub type Line = Vec<Span>;

/// Columns before the text of each lane.
const HOST_GUTTER: usize = 5;
const BOX_GUTTER: usize = 14;

/// What a page or a picture shows of the lines: titles are set off by weight there, and need no line under them.
pub fn shown(lines: &[Line]) -> impl Iterator<Item = &Line> {
    lines.iter().filter(|line| line.first().is_none_or(|span| span.style != Style::Rule))
}

/// Reads a recording.
pub fn parse(text: &str) -> Vec<Line> {
    let mut reader = Reader { gutter: None, style: Style::Plain };
    text.lines().map(|line| reader.line(line)).collect()
}

struct Reader {
    /// Width of the gutter while in a lane.
    gutter: Option<usize>,
    /// Style of the line before, which a folded line continues.
    style: Style,
}

impl Reader {
    fn line(&mut self, line: &str) -> Line {
        let mut spans = Vec::new();
        let body = self.label(line, &mut spans);
        match self.gutter {
            Some(_) => self.style = in_lane(body).unwrap_or(self.style),
            None => self.style = beside_lanes(body, self.style),
        }
        if let Style::Holds | Style::Mixed | Style::Refuted | Style::Skipped = self.style {
            return verdict(body, self.style);
        }
        // Of an isolated row only the mark is coloured.
        let mark = if self.style == Style::Isolated {
            body.find("isolated").map_or(0, |at| at + 8)
        } else {
            0
        };
        let rest = if mark == 0 { self.style } else { Style::Plain };
        spans.extend(with_values(&body[..mark], self.style));
        spans.extend(with_values(&body[mark..], rest));
        spans
    }

    /// Takes label and gutter off the line.
    fn label<'a>(&mut self, line: &'a str, spans: &mut Line) -> &'a str {
        let indent = line.len() - line.trim_start_matches(' ').len();
        for (label, style, gutter) in
            [("HOST ", Style::Host, HOST_GUTTER), ("BOX ", Style::Box, BOX_GUTTER)]
        {
            if indent + label.len() == gutter && line[indent..].starts_with(label) {
                self.gutter = Some(gutter);
                spans.extend([span(Style::Plain, &line[..indent]), span(style, label.trim_end())]);
                spans.push(span(Style::Plain, " "));
                spans.retain(|span| !span.text.is_empty());
                return &line[gutter..];
            }
        }
        match self.gutter {
            Some(gutter) if indent >= gutter => {
                spans.push(span(Style::Plain, &line[..gutter]));
                &line[gutter..]
            }
            _ => {
                self.gutter = None;
                line
            }
        }
    }
}

fn span(style: Style, text: &str) -> Span {
    Span { style, text: text.to_string() }
}

/// The style of a line in a lane; `None` continues the line before.
fn in_lane(body: &str) -> Option<Style> {
    let marks = [
        ("▸ ", Style::Step),
        ("→ ", Style::Call),
        ("    $ ", Style::Shell),
        ("≡ ", Style::Evidence),
        ("| ", Style::Plain),
    ];
    let found = marks.into_iter().find(|(mark, _)| body.starts_with(mark));
    match found {
        Some((_, style)) => Some(style),
        None if body.starts_with("  ") => None,
        None => Some(Style::Plain),
    }
}

fn beside_lanes(body: &str, before: Style) -> Style {
    let text = body.trim_start();
    let rule = |c| text.len() > 3 && text.chars().all(|x| x == c);
    let continues = matches!(before, Style::Conclusion | Style::Note | Style::Claim);
    match text.split(' ').next().unwrap_or_default() {
        "" => Style::Plain,
        "∴" => Style::Conclusion,
        "(i)" => Style::Note,
        "●" => Style::Isolated,
        "○" => Style::Shared,
        "Lesson" | "Experiment" if text == body && text.contains(": ") => Style::Heading,
        "Isolation" => Style::Heading,
        id if is_claim(id) => verdict_style(text).unwrap_or(Style::Claim),
        _ if rule('=') || rule('-') => Style::Rule,
        _ if continues && body.starts_with("    ") => before,
        _ => Style::Plain,
    }
}

fn is_claim(word: &str) -> bool {
    word.len() == 4 && word.starts_with('C') && word[1..].bytes().all(|b| b.is_ascii_digit())
}

fn verdict_style(text: &str) -> Option<Style> {
    match text.split_once(' ')?.1 {
        "holds" => Some(Style::Holds),
        "partly" | "outdated" => Some(Style::Mixed),
        "refuted" => Some(Style::Refuted),
        "skipped" => Some(Style::Skipped),
        _ => None,
    }
}

fn verdict(body: &str, style: Style) -> Line {
    let at = body.rfind(' ').map_or(0, |at| at + 1);
    vec![span(Style::Plain, &body[..at]), span(style, &body[at..])]
}

/// Splits placeholders off.
fn with_values(body: &str, style: Style) -> Line {
    let mut spans = Vec::new();
    let mut rest = body;
    let mut from = 0;
    while let Some(at) = rest[from..].find('<').map(|at| at + from) {
        match placeholder(&rest[at..]) {
            Some((len, number)) => {
                spans.push(span(style, &rest[..at]));
                spans.push(span(Style::Value(number), &rest[at..at + len]));
                rest = &rest[at + len..];
                from = 0;
            }
            None => from = at + 1,
        }
    }
    spans.push(span(style, rest));
    spans.retain(|span| !span.text.is_empty());
    spans
}

/// Length and number of a placeholder such as `<inode 12>`; what only measures, as `<time>`, has number 0.
fn placeholder(text: &str) -> Option<(usize, usize)> {
    let (inner, _) = text.strip_prefix('<')?.split_once('>')?;
    let (kind, number) = inner.split_once(' ').unwrap_or((inner, "0"));
    Some((inner.len() + 2, number.parse().ok().filter(|_| KINDS.contains(&kind))?))
}

/// The kinds of value that vary, see `ground::text`.
const KINDS: [&str; 10] =
    ["pid", "inode", "address", "time", "size", "count", "caps", "path", "name", "device"];

#[cfg(test)]
mod tests {
    use super::*;

    fn styles(text: &str) -> Vec<Vec<(Style, String)>> {
        let pair = |line: Line| line.into_iter().map(|span| (span.style, span.text)).collect();
        parse(text).into_iter().map(pair).collect()
    }

    fn only(style: Style, text: &str) -> (Style, String) {
        (style, text.to_string())
    }

    #[test]
    fn every_character_survives() {
        let text = "\nLesson 01: x\n============\n\nHOST ▸ a <b> <pid 1>\n     → c\n         $ d\n          BOX ≡ e\n  ∴ f\n    g";
        let joined = |line: Line| line.into_iter().map(|span| span.text).collect::<String>();
        assert_eq!(parse(text).into_iter().map(joined).collect::<Vec<_>>().join("\n"), text);
    }

    #[test]
    fn marks_decide_and_folded_lines_continue() {
        let lines = styles(
            "HOST ▸ what\n       more\n     → call = <pid 2>\n         $ sh\n           end",
        );
        let last = |i: usize| lines[i].last().unwrap().0;
        assert_eq!(lines[0][0], only(Style::Host, "HOST"));
        assert_eq!((last(0), last(1)), (Style::Step, Style::Step));
        assert_eq!(lines[2][1], only(Style::Call, "→ call = "));
        assert_eq!(last(2), Style::Value(2));
        assert_eq!((last(3), last(4)), (Style::Shell, Style::Shell));
    }

    #[test]
    fn the_box_stands_to_the_right() {
        let lines = styles("          BOX ≡ uid: 0\n              | out");
        assert_eq!(lines[0][1], only(Style::Box, "BOX"));
        assert_eq!(lines[0].last().unwrap().0, Style::Evidence);
        assert_eq!(lines[1].last().unwrap(), &only(Style::Plain, "| out"));
    }

    #[test]
    fn placeholders_are_of_known_kinds() {
        assert_eq!(placeholder("<inode 12> x"), Some((10, 12)));
        assert_eq!(placeholder("<time> ns"), Some((6, 0)));
        assert_eq!(placeholder("<COMMAND>"), None);
        assert_eq!(placeholder("<pid x>"), None);
    }

    #[test]
    fn what_stands_beside_the_lanes() {
        let lines = styles(
            " C001 one\n      two\n  C001 holds\n  C006 outdated\n       because\n  ● isolated",
        );
        let last: Vec<Style> = lines.iter().map(|line| line.last().unwrap().0).collect();
        let plain = Style::Plain;
        assert_eq!(
            last,
            [Style::Claim, Style::Claim, Style::Holds, Style::Mixed, plain, Style::Isolated]
        );
    }
}
