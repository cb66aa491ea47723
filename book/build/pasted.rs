//! Finds code and output that somebody pasted: they are right on the day they are pasted.

use pulldown_cmark::{CodeBlockKind, Event, Tag};

use crate::markdown::{events, line_of};

/// Languages of a block that shows code or output. A command to type (`sh`) is neither.
const SHOWING: [&str; 4] = ["", "rust", "console", "text"];

/// The lines on which such a block begins.
pub fn lines(chapter: &str) -> Vec<usize> {
    let shows = |event: &Event| match event {
        Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => true,
        Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
            SHOWING.contains(&info.split([',', ' ', '{']).next().unwrap_or_default())
        }
        _ => false,
    };
    let found = events(chapter).filter(|(event, _)| shows(event));
    found.map(|(_, at)| line_of(chapter, at.start)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blocks_that_show_are_found() {
        let page =
            "x\n\n```rust\nfn f() {}\n```\n\n```sh\nls\n```\n\n    indented\n\n~~~ text\nx\n~~~\n";
        assert_eq!(lines(page), [3, 11, 13]);
    }
}
