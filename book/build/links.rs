//! Checks that links lead somewhere: to a chapter, to a place in it, to a file of the checkout.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{Event, Tag, TagEnd};

use crate::markdown::{events, line_of};
use crate::problem::{Problem, Problems};
use crate::workspace::Workspace;

/// What a page links to, with lines, and the places in it that can be linked to.
#[derive(Debug, Default)]
pub struct Facts {
    links: Vec<(usize, String)>,
    ids: HashSet<String>,
}

/// Reads a page.
pub fn facts(text: &str) -> Facts {
    let mut facts = Facts::default();
    let mut heading: Option<(Option<String>, String)> = None;
    for (event, at) in events(text) {
        let line = line_of(text, at.start);
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                facts.links.push((line, dest_url.to_string()));
            }
            Event::Start(Tag::Heading { id, .. }) => {
                heading = Some((id.map(|id| id.to_string()), String::new()));
            }
            Event::End(TagEnd::Heading(_)) => {
                let (id, title) = heading.take().unwrap_or_default();
                facts.ids.insert(id.unwrap_or_else(|| slug(&title)));
            }
            Event::Text(text) | Event::Code(text) => {
                heading.iter_mut().for_each(|(_, title)| title.push_str(&text));
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                let links = ["href=\"", "src=\""].into_iter().flat_map(|a| attributes(&html, a));
                facts.links.extend(links.map(|link| (line, link.to_string())));
                facts.ids.extend(attributes(&html, " id=\"").map(str::to_string));
            }
            _ => {}
        }
    }
    facts
}

/// The values of an attribute in a piece of HTML.
fn attributes<'a>(html: &'a str, attribute: &'a str) -> impl Iterator<Item = &'a str> {
    html.split(attribute).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0))
}

/// The name that mdbook gives to a heading.
fn slug(title: &str) -> String {
    let kept = |c: char| match c {
        c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c),
        c if c.is_whitespace() => Some('-'),
        _ => None,
    };
    title.trim().to_lowercase().chars().filter_map(kept).collect()
}

/// The links of `page` that lead nowhere.
pub fn broken(page: &Path, all: &HashMap<&Path, Facts>, src: &Path) -> Vec<(usize, String)> {
    let links = all[page].links.iter();
    let check = |(line, link): &(usize, String)| {
        let problem = problem(page, link, all, src)?;
        Some((*line, format!("link {link}: {problem}")))
    };
    links.filter_map(check).collect()
}

fn problem(
    page: &Path,
    link: &str,
    all: &HashMap<&Path, Facts>,
    src: &Path,
) -> Option<&'static str> {
    if is_outside(link) {
        return None;
    }
    let (path, id) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => page.to_path_buf(),
        path => normal(&page.parent().unwrap_or(Path::new("")).join(path)),
    };
    match all.get(target.as_path()) {
        Some(facts) if id.is_empty() || facts.ids.contains(id) => None,
        Some(_) => Some("the page has no such place"),
        None if target.extension().is_some_and(|e| e == "md") => Some("no such chapter"),
        None if src.join(&target).is_file() => None,
        None => Some("no such file"),
    }
}

fn is_outside(link: &str) -> bool {
    ["https://", "http://", "mailto:"].iter().any(|scheme| link.starts_with(scheme))
}

/// Without `..` where something stands before it.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir
                if matches!(out.components().next_back(), Some(Component::Normal(_))) =>
            {
                out.pop();
            }
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

/// The README's links are paths from the top of the checkout.
pub fn check_readme(workspace: &Workspace) -> Result<(), Problems> {
    let name = "README.md";
    let text = workspace.read(name).map_err(|e| Problem::of(name, e))?;
    let facts = facts(&text);
    let mut problems = Problems::default();
    for (line, link) in facts.links.iter().filter(|(_, link)| !is_outside(link)) {
        let (path, id) = link.split_once('#').unwrap_or((link, ""));
        if path.is_empty() && !facts.ids.contains(id) {
            problems.push(Problem::at(name, *line, format!("link {link}: no such place")));
        } else if !workspace.root().join(path).exists() {
            problems.push(Problem::at(name, *line, format!("link {link}: no such file")));
        }
    }
    problems.into_result()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_a_chapter_or_a_place_in_it() {
        let one = "# One `x`!\n\n[a](sub/two.md#there) [b](#one-x) [c](nowhere.md) [d](sub/two.md#not)\n\
                   <a href=\"#gone\">e</a> [f](https://x.y/z#w)\n";
        let two = "# Two {#there}\n\n<p id=\"C001\">x</p>\n\n[back](../one.md#one-x)\n";
        let all = HashMap::from([
            (Path::new("one.md"), facts(one)),
            (Path::new("sub/two.md"), facts(two)),
        ]);
        let src = Path::new("/nonexistent");
        let found: Vec<_> =
            broken(Path::new("one.md"), &all, src).into_iter().map(|(l, _)| l).collect();
        assert_eq!(found, [3, 3, 4]);
        assert!(broken(Path::new("sub/two.md"), &all, src).is_empty());
        assert!(all[Path::new("sub/two.md")].ids.contains("C001"));
    }
}
