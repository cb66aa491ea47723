//! `cargo xtask tidy`: the repository's own rules, as plain code. Also run as a test.

mod classroom;
mod mask;
mod packages;
mod reached;
mod source;
mod toplevel;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Context, Failure, Result};
use crate::workspace;

/// A breach of a rule, printed as `file:line: message`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    file: String,
    line: usize,
    message: String,
}

impl Violation {
    fn new(file: impl Into<String>, line: usize, message: impl Into<String>) -> Self {
        Violation { file: file.into(), line, message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Prints every violation; fails if there is one.
pub fn tidy() -> Result<()> {
    let violations = violations(&workspace::root())?;
    for violation in &violations {
        println!("{violation}");
    }
    match violations.len() {
        0 => Ok(()),
        n => Err(Failure::failed(format!("{n} violations of the repository's rules"))),
    }
}

fn violations(root: &Path) -> Result<Vec<Violation>> {
    let mut found = Vec::new();
    for path in files(root)? {
        let text = fs::read(&path).doing("read", &path)?;
        let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        let text = String::from_utf8_lossy(&text);
        found.extend(source::check(&name, &text));
        found.extend(reached::check(root, &path));
    }
    found.extend(classroom::check(root));
    found.extend(toplevel::check(root)?);
    found.extend(packages::check(root)?);
    found.sort();
    Ok(found)
}

/// The texts that somebody wrote: sources, manifests, chapters, scripts.
fn files(root: &Path) -> Result<Vec<PathBuf>> {
    const WRITTEN: [&str; 5] = ["rs", "md", "toml", "sh", "tsv"];
    let mut files = Vec::new();
    for part in ["lessons", "xtask", "tests", "book"] {
        walk(&root.join(part), &mut files)?;
    }
    files.retain(|path| path.extension().is_some_and(|e| WRITTEN.iter().any(|w| e == *w)));
    files.sort();
    Ok(files)
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let generated = dir.ends_with("book/html") || dir.ends_with("target");
    if !dir.is_dir() || generated {
        return Ok(());
    }
    for entry in fs::read_dir(dir).doing("read directory", dir)? {
        let path = entry.doing("read directory", dir)?.path();
        if path.is_dir() { walk(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_keeps_its_own_rules() {
        let violations = violations(&workspace::root()).unwrap();
        let lines: Vec<String> = violations.iter().map(Violation::to_string).collect();
        assert!(lines.is_empty(), "\n{}", lines.join("\n"));
    }
}
