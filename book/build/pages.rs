//! The chapters: read by mdbook, their directives replaced by us.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use mdbook_driver::MDBook;

use crate::links::{self, Facts};
use crate::problem::{Problem, Problems};
use crate::workspace::Workspace;
use crate::{directive, pasted};

/// The book with every directive replaced.
pub struct Manuscript {
    mdbook: MDBook,
    pages: Vec<Page>,
}

/// One chapter.
#[derive(Debug)]
pub struct Page {
    /// Its file, from `book/src`.
    pub path: PathBuf,
    /// Its text as written.
    raw: String,
    /// Its text as rendered.
    pub text: String,
    /// For each line of `text`, the line of `raw` that it comes from.
    origin: Vec<usize>,
}

/// Reads every chapter. Fails with all directives that name nothing.
pub fn load(workspace: &Workspace) -> Result<Manuscript, Problems> {
    let wrong =
        |e: mdbook_driver::errors::Error| Problem::of("book/src/SUMMARY.md", format!("{e:#}"));
    let mdbook = MDBook::load(workspace.book()).map_err(wrong)?;
    let mut problems = Problems::default();
    let mut pages = Vec::new();
    for chapter in mdbook.book.chapters() {
        let path = chapter.source_path.clone().unwrap_or_default();
        pages.extend(problems.keep(Page::new(workspace, path, &chapter.content)));
    }
    problems.into_result()?;
    Ok(Manuscript { mdbook, pages })
}

impl Manuscript {
    /// Checks links and blocks.
    pub fn check(&self, workspace: &Workspace) -> Result<(), Problems> {
        let facts: HashMap<&Path, Facts> =
            self.pages.iter().map(|page| (page.path.as_path(), links::facts(&page.text))).collect();
        let mut problems = Problems::default();
        for page in &self.pages {
            for line in pasted::lines(&page.raw) {
                problems
                    .push(page.problem(line, "pasted code or output: include it by a directive"));
            }
            for (line, message) in links::broken(&page.path, &facts, &workspace.src()) {
                problems.push(page.problem(page.origin[line - 1], message));
            }
        }
        problems.into_result()
    }

    /// The book as mdbook is to render it.
    pub fn into_mdbook(self) -> MDBook {
        let mut texts: HashMap<PathBuf, String> =
            self.pages.into_iter().map(|page| (page.path, page.text)).collect();
        let mut mdbook = self.mdbook;
        mdbook.book.for_each_chapter_mut(|chapter| {
            let text = chapter.source_path.as_ref().and_then(|path| texts.remove(path));
            chapter.content = text.unwrap_or_default();
        });
        mdbook
    }
}

impl Page {
    fn new(workspace: &Workspace, path: PathBuf, raw: &str) -> Result<Page, Problems> {
        let depth = path.components().filter(|c| matches!(c, Component::Normal(_))).count() - 1;
        let mut page = Page { path, raw: raw.to_string(), text: String::new(), origin: Vec::new() };
        let mut problems = Problems::default();
        for (line, number) in raw.lines().zip(1..) {
            match expand(workspace, line, depth) {
                Ok(text) => page.push(&text, number),
                Err(message) => problems.push(page.problem(number, message)),
            }
        }
        problems.into_result().map(|()| page)
    }

    fn push(&mut self, text: &str, number: usize) {
        self.text.push_str(text);
        self.text.push('\n');
        self.origin.resize(self.origin.len() + text.split('\n').count(), number);
    }

    fn problem(&self, line: usize, message: impl std::fmt::Display) -> Problem {
        Problem::at(Path::new("book/src").join(&self.path).display(), line, message)
    }
}

fn expand(workspace: &Workspace, line: &str, depth: usize) -> Result<String, String> {
    match directive::parse(line)? {
        Some(directive) => directive.expand(workspace, depth),
        None => Ok(line.replace("\\{{#", "{{#")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_that_names_nothing_is_reported_with_its_line() {
        let workspace = Workspace::find().unwrap();
        let raw =
            "# x\n\n{{#source nowhere.rs:a}}\n\n{{#output 99/demo}}\n{{#claims 99}}\n{{#what}}\n";
        let problems = Page::new(&workspace, "a/x.md".into(), raw).unwrap_err().to_string();
        let starts: Vec<&str> = problems.lines().map(|line| &line[..18]).collect();
        assert_eq!(starts, [3, 5, 6, 7].map(|line| format!("book/src/a/x.md:{line}:")));
        assert!(problems.contains("nothing is recorded as tests/snapshots/99/demo.snap"));
    }

    #[test]
    fn an_expanded_line_knows_where_it_comes_from() {
        let workspace = Workspace::find().unwrap();
        let page = Page::new(&workspace, "x.md".into(), "one\n{{#needs}}\ntwo \\{{#x}}\n").unwrap();
        assert_eq!(page.text.lines().count(), page.origin.len());
        assert_eq!((page.origin[0], *page.origin.last().unwrap()), (1, 3));
        assert!(page.text.ends_with("two {{#x}}\n"));
    }
}
