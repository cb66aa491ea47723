//! Rules for chapters: code comes from the source, output from recorded snapshots, and an include
//! that names nothing is an error.

use std::fs;
use std::path::Path;

use super::Violation;

/// Fences that show code or output.
const SHOWING: [&str; 4] = ["", "rust", "console", "text"];

/// Checks one chapter; includes are relative to its directory.
pub fn check(path: &Path, name: &str, text: &str) -> Vec<Violation> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let broken = |(line, include): (usize, &str)| {
        let problem = problem(dir, include)?;
        Some(Violation::new(name, line, format!("include {include}: {problem}")))
    };
    let mut found: Vec<Violation> = includes(text).into_iter().filter_map(broken).collect();
    let message = "a block with pasted content: include it from the source or a snapshot";
    found.extend(pasted(text).into_iter().map(|line| Violation::new(name, line, message)));
    found
}

/// The lines on which a showing fence opens whose block includes nothing.
fn pasted(text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut open: Option<(usize, &str, bool)> = None;
    for (line, number) in text.lines().map(str::trim_start).zip(1..) {
        let fence = fence(line);
        match open {
            Some((at, start, included)) if fence.is_some_and(|f| closes(line, f, start)) => {
                if !included {
                    found.push(at);
                }
                open = None;
            }
            Some((at, start, included)) => {
                open = Some((at, start, included || !includes(line).is_empty()));
            }
            None => open = fence.map(|f| (number, f, !shows(line, f))),
        }
    }
    found
}

/// The run of three or more backticks or tildes that a line begins with.
fn fence(line: &str) -> Option<&str> {
    let first = line.chars().next().filter(|c| "`~".contains(*c))?;
    let end = line.find(|c| c != first).unwrap_or(line.len());
    (end >= 3).then(|| &line[..end])
}

fn closes(line: &str, fence: &str, start: &str) -> bool {
    fence.starts_with(start) && line.trim_end() == fence
}

fn shows(line: &str, fence: &str) -> bool {
    let language = line[fence.len()..].trim().split([',', ' ', '{']).next().unwrap_or_default();
    SHOWING.contains(&language)
}

/// The arguments of `{{#include …}}` and its relatives, with their lines. `\{{` is prose.
fn includes(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        for (at, _) in line.match_indices("{{#") {
            let escaped = line[..at].ends_with('\\');
            let inner = line[at + 3..].split_once("}}").map(|(inner, _)| inner.trim());
            let argument = inner.and_then(|inner| {
                let (directive, argument) = inner.split_once(' ')?;
                directive.ends_with("include").then_some(argument.trim())
            });
            found.extend(argument.filter(|_| !escaped).map(|argument| (number, argument)));
        }
    }
    found
}

/// What is wrong with an include of `path`, `path:anchor`, `path:line` or `path:from:to`.
fn problem(dir: &Path, include: &str) -> Option<String> {
    let (file, region) = include.split_once(':').unwrap_or((include, ""));
    let Ok(text) = fs::read_to_string(dir.join(file)) else {
        return Some("no such file".to_owned());
    };
    let region = region.trim();
    let lines = match region.chars().next() {
        None => Some(text.lines().collect()),
        Some(c) if c.is_ascii_digit() || c == ':' => numbered(&text, region),
        Some(_) => anchored(&text, region),
    };
    match lines {
        None => Some(format!("no region {region:?}")),
        Some(lines) if lines.iter().all(|line| line.trim().is_empty()) => Some("empty".to_owned()),
        Some(_) => None,
    }
}

fn numbered<'a>(text: &'a str, region: &str) -> Option<Vec<&'a str>> {
    let (from, to) = region.split_once(':').unwrap_or((region, region));
    let number = |s: &str, otherwise| if s.is_empty() { Some(otherwise) } else { s.parse().ok() };
    let (from, to): (usize, usize) = (number(from, 1)?, number(to, usize::MAX)?);
    let count = to.checked_sub(from.checked_sub(1)?)?;
    Some(text.lines().skip(from - 1).take(count).collect())
}

/// The lines between `ANCHOR: name` and `ANCHOR_END: name`, other anchors left out.
fn anchored<'a>(text: &'a str, name: &str) -> Option<Vec<&'a str>> {
    let start = text.lines().position(|line| marks(line, "ANCHOR:", name))?;
    let after: Vec<&str> = text.lines().skip(start + 1).collect();
    let end = after.iter().position(|line| marks(line, "ANCHOR_END:", name))?;
    let other = |line: &&&str| !line.contains("ANCHOR:") && !line.contains("ANCHOR_END:");
    Some(after[..end].iter().filter(other).copied().collect())
}

fn marks(line: &str, keyword: &str, name: &str) -> bool {
    let rest = line.split_once(keyword).map(|(_, rest)| rest.trim_start());
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    rest.is_some_and(|rest| rest.split(|c| !is_name(c)).next() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "// ANCHOR: run\nfn f() {}\n// ANCHOR: in\n\n// ANCHOR_END: in\n// ANCHOR_END: run\n// ANCHOR: open\n";

    #[test]
    fn a_region_is_what_lies_between_its_anchors() {
        assert_eq!(anchored(SOURCE, "run").unwrap(), ["fn f() {}", ""]);
        assert_eq!(anchored(SOURCE, "in").unwrap(), [""]);
        for missing in ["ru", "runner", "open", ""] {
            assert_eq!(anchored(SOURCE, missing), None, "{missing}");
        }
    }

    #[test]
    fn line_ranges_are_counted_from_one() {
        assert_eq!(numbered("a\nb\nc", "2"), Some(vec!["b"]));
        assert_eq!(numbered("a\nb\nc", "2:"), Some(vec!["b", "c"]));
        assert_eq!(numbered("a\nb\nc", ":2"), Some(vec!["a", "b"]));
        assert_eq!(numbered("a", "0"), None);
        assert_eq!(numbered("a", "3:1"), None);
    }

    #[test]
    fn pasted_blocks_are_found_by_their_opening_line() {
        let page = "x\n```rust\nfn f() {}\n```\n```rust,ignore\n{{#include a.rs:run}}\n```\n\
                    ```sh\ncargo xtask run lesson 01\n```\n~~~~text\n~~~\nout\n~~~~\n```\nbare\n```\n";
        assert_eq!(pasted(page), [2, 11, 15]);
    }

    #[test]
    fn only_real_includes_count() {
        let page =
            "{{#include a:b}} \\{{#include no}}\n{{#rustdoc_include c}} {{#title t}} {{#include";
        assert_eq!(includes(page), [(1, "a:b"), (2, "c")]);
    }
}
