//! `{{#source FILE:ANCHOR}}`: a region of a source file, as it is now.

use crate::comments;
use crate::html::escape;
use crate::workspace::Workspace;

/// The region with a caption that links to its file.
pub fn include(workspace: &Workspace, argument: &str, up: &str) -> Result<String, String> {
    let (path, anchor) = match argument.split_once(':') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (argument, None),
    };
    let text = workspace.read(path)?;
    let region = match anchor {
        Some(anchor) => region(&text, anchor).map_err(|e| format!("{path}: {e}"))?,
        None => Region { first: 1, lines: text.lines().collect() },
    };
    let code = comments::fold(&region.code());
    if code.trim().is_empty() {
        return Err(format!("{argument}: the region is empty"));
    }
    Ok(figure(path, &region, &code, up))
}

/// Some lines of a file, anchors among them.
#[derive(Debug, PartialEq, Eq)]
struct Region<'a> {
    /// Number of the first line.
    first: usize,
    lines: Vec<&'a str>,
}

impl Region<'_> {
    /// The lines as shown: without anchors, moved to the left margin.
    fn code(&self) -> String {
        let shown: Vec<_> = self.lines.iter().filter(|line| !is_anchor(line)).collect();
        let full = shown.iter().filter(|line| !line.trim().is_empty());
        let margin = full.map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
        let moved = shown.iter().map(|line| line.get(margin..).unwrap_or("").trim_end());
        moved.collect::<Vec<_>>().join("\n").trim_matches('\n').to_string()
    }
}

/// The lines between `ANCHOR: name` and `ANCHOR_END: name`.
fn region<'a>(text: &'a str, name: &str) -> Result<Region<'a>, String> {
    let position = |keyword| text.lines().position(|line| marked(line, keyword) == Some(name));
    let start = position("ANCHOR:").ok_or(format!("there is no anchor {name:?}"))?;
    let end = position("ANCHOR_END:").filter(|end| *end > start);
    let end = end.ok_or(format!("the anchor {name:?} has no end"))?;
    let lines = text.lines().skip(start + 1).take(end - start - 1).collect();
    Ok(Region { first: start + 2, lines })
}

fn is_anchor(line: &str) -> bool {
    marked(line, "ANCHOR:").or(marked(line, "ANCHOR_END:")).is_some()
}

/// The name after the keyword, in a comment line that holds nothing else.
fn marked<'a>(line: &'a str, keyword: &str) -> Option<&'a str> {
    let comment = line.trim().trim_start_matches(['/', '#', '!', ' ']);
    Some(comment.strip_prefix(keyword)?.trim())
}

fn figure(path: &str, region: &Region, code: &str, up: &str) -> String {
    let language = match path.rsplit('.').next() {
        Some("rs") => "rust",
        Some(other) => other,
        None => "",
    };
    let (first, last) = (region.first, region.first + region.lines.len().max(1) - 1);
    let href = format!("{up}../../{path}");
    let fence = "`".repeat(longest_run(code).max(2) + 1);
    format!(
        "<figure class=\"source\">\n<figcaption><a href=\"{}\">{}</a> \
         <span>lines {first}–{last}</span></figcaption>\n\n{fence}{language}\n{code}\n{fence}\n\n</figure>\n",
        escape(&href),
        escape(path),
    )
}

/// The longest run of backticks.
fn longest_run(code: &str) -> usize {
    let runs = code.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "use x;\n    // ANCHOR: outer\n    fn f() {\n        // ANCHOR: inner\n        1\n        \
                        // ANCHOR_END: inner\n    }\n    // ANCHOR_END: outer\n// ANCHOR: open\n// ANCHOR: none\n// ANCHOR_END: none\n";

    #[test]
    fn a_region_is_shown_at_the_left_margin_without_anchors() {
        assert_eq!(region(FILE, "outer").unwrap().code(), "fn f() {\n    1\n}");
        assert_eq!(region(FILE, "inner").unwrap().code(), "1");
        assert_eq!(region(FILE, "inner").unwrap().first, 5);
        assert_eq!(region(FILE, "none").unwrap().code(), "");
    }

    #[test]
    fn a_missing_anchor_is_a_mistake() {
        assert_eq!(region(FILE, "oute").unwrap_err(), "there is no anchor \"oute\"");
        assert_eq!(region(FILE, "open").unwrap_err(), "the anchor \"open\" has no end");
    }

    #[test]
    fn a_fence_is_longer_than_any_in_the_code() {
        let region = Region { first: 1, lines: vec![] };
        assert!(figure("a.rs", &region, "/// ````x", "").contains("\n`````rust\n"));
        assert!(figure("a.rs", &region, "x", "").contains("\n```rust\n"));
    }
}
