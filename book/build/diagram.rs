//! `{{#diagram NAME.svg}}`: a drawing, put into the page itself, for an `img` would not take the page's colours.

use crate::html::escape;
use crate::workspace::Workspace;

/// The drawing; its `title` is what a reader who cannot see it is told.
pub fn include(workspace: &Workspace, name: &str) -> Result<String, String> {
    let path = format!("book/src/images/{name}");
    let svg = workspace.read(&path)?;
    let title = between(&svg, "<title>", "</title>").ok_or(format!("{path}: has no title"))?;
    let start = svg.find("<svg").ok_or(format!("{path}: is not a drawing"))?;
    // A blank line would end the block of HTML.
    let lines: Vec<&str> = svg[start..].lines().filter(|line| !line.trim().is_empty()).collect();
    Ok(format!(
        "<figure class=\"diagram\" role=\"img\" aria-label=\"{}\" tabindex=\"0\">\n{}\n</figure>\n",
        escape(title),
        lines.join("\n")
    ))
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    Some(text.split_once(from)?.1.split_once(to)?.0.trim()).filter(|inner| !inner.is_empty())
}
