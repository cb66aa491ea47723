//! Folds the comments of a source: a page has room for fewer columns than the lines have.

use std::mem;

/// What a line of code in the book may hold.
const COLUMNS: usize = 100;

/// The code; what is too much for a line of a comment begins the next one.
pub fn fold(code: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let (mut head, mut rest) = ("", String::new());
    for line in code.lines() {
        match prose(line) {
            Some((same, text)) if !rest.is_empty() && same == head => {
                rest = format!("{rest} {text}");
            }
            Some((new, text)) => {
                finish(&mut out, head, &mut rest);
                (head, rest) = (new, text.to_string());
            }
            None => {
                finish(&mut out, head, &mut rest);
                out.push(line.to_string());
                continue;
            }
        }
        rest = first_line(&mut out, head, rest);
    }
    finish(&mut out, head, &mut rest);
    out.join("\n")
}

/// Indentation and marker of a line that holds a comment's running text, and the text. A heading, a table, an item of a
/// list keep their lines.
fn prose(line: &str) -> Option<(&str, &str)> {
    let indent = line.len() - line.trim_start().len();
    let marker = ["/// ", "//! ", "// "].into_iter().find(|m| line[indent..].starts_with(m))?;
    let (head, text) = line.split_at(indent + marker.len());
    text.starts_with(|c: char| c.is_alphabetic() || "`[(\"".contains(c)).then_some((head, text))
}

/// Puts out a line, and returns what did not fit.
fn first_line(out: &mut Vec<String>, head: &str, text: String) -> String {
    let room = COLUMNS - head.len();
    if text.chars().count() <= room {
        out.push(format!("{head}{text}"));
        return String::new();
    }
    let fits = text.char_indices().nth(room + 1).map_or(text.len(), |(at, _)| at);
    let Some(at) = text[..fits].rfind(' ').or_else(|| text.find(' ')) else {
        out.push(format!("{head}{text}"));
        return String::new();
    };
    out.push(format!("{head}{}", &text[..at]));
    text[at + 1..].to_string()
}

fn finish(out: &mut Vec<String>, head: &str, rest: &mut String) {
    while !rest.is_empty() {
        *rest = first_line(out, head, mem::take(rest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_comment_flows_into_the_next_line() {
        let word = "word ".repeat(21);
        let code = format!("    /// {word}end\n    /// and more.\n    fn f() {{}}");
        let folded = fold(&code);
        let lines: Vec<&str> = folded.lines().collect();
        assert_eq!(lines[1..], ["    /// word word word end and more.", "    fn f() {}"]);
        assert!(lines[0].len() <= COLUMNS && lines[0].starts_with("    /// word"));
    }

    #[test]
    fn what_fits_and_what_is_no_prose_stays() {
        let table = format!("//! | {} |", "x ".repeat(60));
        for code in ["// a\n// b\nx", "/// a\n///\n/// - b", &table, &"x ".repeat(60)] {
            assert_eq!(fold(code), code.trim_end_matches('\n'));
        }
    }
}
