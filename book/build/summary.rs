//! `SUMMARY.md`: which files are chapters, and in which order. mdbook passes over a file that is not in it.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, Tag};

use crate::markdown::{events, line_of};
use crate::problem::{Problem, Problems};
use crate::workspace::{SRC, Workspace};

const NAME: &str = "SUMMARY.md";

/// A chapter that the summary names.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its file, from `book/src`.
    pub path: PathBuf,
    /// The line of the summary.
    line: usize,
}

impl Entry {
    /// A mistake in this line of the summary.
    pub fn problem(&self, message: impl std::fmt::Display) -> Problem {
        Problem::at(format_args!("{SRC}/{NAME}"), self.line, message)
    }
}

/// The chapters in order.
pub fn read(workspace: &Workspace) -> Result<Vec<Entry>, Problems> {
    let name = format!("{SRC}/{NAME}");
    let text = workspace.read(&name).map_err(|e| Problem::of(&name, e))?;
    Ok(entries(&text))
}

/// A link to nothing announces a chapter that is not written.
fn entries(text: &str) -> Vec<Entry> {
    let entry = |(event, at): (Event, std::ops::Range<usize>)| match event {
        Event::Start(Tag::Link { dest_url, .. }) if !dest_url.is_empty() => {
            Some(Entry { path: dest_url.to_string().into(), line: line_of(text, at.start) })
        }
        _ => None,
    };
    events(text).filter_map(entry).collect()
}

/// Every file below `book/src` that is Markdown is a chapter, once.
pub fn check(workspace: &Workspace, entries: &[Entry]) -> Result<(), Problems> {
    let mut problems = Problems::default();
    let mut named = HashSet::from([Path::new(NAME)]);
    for entry in entries {
        if !named.insert(&entry.path) {
            problems.push(entry.problem(format_args!("{}: named twice", entry.path.display())));
        }
    }
    for file in markdown_below(&workspace.src()) {
        let path = file.strip_prefix(workspace.src()).unwrap_or(&file);
        if !named.contains(path) {
            let file = Path::new(SRC).join(path);
            problems.push(Problem::of(file.display(), format_args!("not in {NAME}")));
        }
    }
    problems.into_result()
}

fn markdown_below(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let below = entries.flat_map(|entry| match entry.path() {
        path if path.is_dir() => markdown_below(&path),
        path if path.extension().is_some_and(|e| e == "md") => vec![path],
        _ => vec![],
    });
    below.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMMARY: &str = "# Summary\n\n[A](a.md)\n\n- [B `b`](sub/b.md)\n    - [C]()\n";

    #[test]
    fn a_chapter_is_a_link() {
        let found = entries(SUMMARY);
        let found: Vec<_> = found.iter().map(|e| (e.path.to_str().unwrap(), e.line)).collect();
        assert_eq!(found, [("a.md", 3), ("sub/b.md", 5)]);
    }

    #[test]
    fn chapters_and_files_are_the_same() {
        let workspace = Workspace::find().unwrap();
        let mut entries = read(&workspace).unwrap();
        let last = entries.pop().unwrap();
        let left_out = check(&workspace, &entries).unwrap_err().to_string();
        assert_eq!(left_out, format!("{SRC}/{}: not in {NAME}\n", last.path.display()));
        let first = Entry { path: entries[0].path.clone(), line: 99 };
        entries.extend([last, first]);
        let twice = check(&workspace, &entries).unwrap_err().to_string();
        assert!(twice.starts_with("book/src/SUMMARY.md:99: "), "{twice}");
    }
}
