//! The chapters: read as `SUMMARY.md` names them, their directives replaced.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use crate::links::{self, Facts};
use crate::problem::{Problem, Problems};
use crate::workspace::{SRC, Workspace};
use crate::{directive, pasted, summary};

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

/// Reads every chapter. Fails with all files that are missing and all directives that name nothing.
pub fn load(workspace: &Workspace) -> Result<Vec<Page>, Problems> {
    let entries = summary::read(workspace)?;
    let mut problems = Problems::default();
    problems.keep(summary::check(workspace, &entries));
    let mut pages = Vec::new();
    for entry in entries {
        match workspace.read(&format!("{SRC}/{}", entry.path.display())) {
            Ok(raw) => pages.extend(problems.keep(Page::new(workspace, entry.path, &raw))),
            Err(message) => problems.push(entry.problem(message)),
        }
    }
    problems.into_result().map(|()| pages)
}

/// Checks links and blocks.
pub fn check(workspace: &Workspace, pages: &[Page]) -> Result<(), Problems> {
    let facts: HashMap<&Path, Facts> =
        pages.iter().map(|page| (page.path.as_path(), links::facts(&page.text))).collect();
    let mut problems = Problems::default();
    for page in pages {
        for line in pasted::lines(&page.raw) {
            problems.push(page.problem(line, "pasted code or output: include it by a directive"));
        }
        for (line, message) in links::broken(&page.path, &facts, &workspace.src()) {
            problems.push(page.problem(page.origin[line - 1], message));
        }
    }
    problems.into_result()
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
        Problem::at(Path::new(SRC).join(&self.path).display(), line, message)
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
