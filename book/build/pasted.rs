//! Finds code and output that somebody pasted: they are right on the day they are pasted.

use mdbook_markdown::pulldown_cmark::{CodeBlockKind, Event, Tag};
use mdbook_markdown::{MarkdownOptions, new_cmark_parser};

use crate::links::line_of;

/// Languages of a block that shows code or output. A command to type (`sh`) is neither.
const SHOWING: [&str; 4] = ["", "rust", "console", "text"];

/// The lines on which such a block begins.
pub fn lines(chapter: &str) -> Vec<usize> {
    let events = new_cmark_parser(chapter, &MarkdownOptions::default()).into_offset_iter();
    let shows = |event: &Event| match event {
        Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => true,
        Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
            SHOWING.contains(&info.split([',', ' ', '{']).next().unwrap_or_default())
        }
        _ => false,
    };
    events.filter(|(event, _)| shows(event)).map(|(_, at)| line_of(chapter, at.start)).collect()
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
