//! A picture of the stack: a row for each name, a column for each layer, and which of them is seen.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ground::Result;
use ground::call::{IntoErrno, quietly};
use ground::text::path;

use super::lookup::{Entry, find, look};

/// The stack as lines of text: `layers` are named, the lowest first. Names are those of all layers, each once; below a
/// directory only where it is not shown as a whole.
pub fn draw(layers: &[(String, PathBuf)]) -> Result<Vec<String>> {
    let from_the_top: Vec<_> = layers.iter().rev().map(|(_, at)| at.clone()).collect();
    let titles: Vec<_> = layers.iter().rev().map(|(title, _)| title.as_str()).collect();
    let mut all = BTreeSet::new();
    for layer in &from_the_top {
        collect(layer, Path::new(""), &mut all)?;
    }
    let mut rows = vec![row("name", "seen from", titles.iter().copied())];
    for name in &all {
        rows.push(row_of(name, &from_the_top, &titles)?);
    }
    Ok(aligned(rows))
}

fn row_of(name: &Path, from_the_top: &[PathBuf], titles: &[&str]) -> Result<Vec<String>> {
    let seen = find(from_the_top, name)?.map_or("", |i| titles[i]);
    let entries: Vec<_> =
        from_the_top.iter().map(|layer| Ok(look(layer, name)?.0)).collect::<Result<_>>()?;
    let words = entries.iter().map(|entry| match entry {
        Entry::Absent => "",
        Entry::Whiteout => "whiteout",
        Entry::Opaque => "opaque",
        Entry::Directory => "dir",
        Entry::File => "file",
    });
    // A directory is merged with those below it, down to the first that is opaque.
    let opaque = entries.iter().position(|entry| *entry == Entry::Opaque);
    let asked = &entries[..opaque.map_or(entries.len(), |i| i + 1)];
    let is_dir = |entry: &&Entry| matches!(entry, Entry::Directory | Entry::Opaque);
    let merged = !seen.is_empty() && asked.iter().filter(is_dir).count() > 1;
    let shown = if merged { "several" } else { seen };
    Ok(row(&name.display().to_string(), shown, words))
}

fn row<'a>(name: &'a str, seen: &'a str, rest: impl Iterator<Item = &'a str>) -> Vec<String> {
    [name, seen].into_iter().chain(rest).map(str::to_string).collect()
}

fn collect(layer: &Path, below: &Path, all: &mut BTreeSet<PathBuf>) -> Result<()> {
    let dir = layer.join(below);
    let entries = quietly(format_args!("list {}", path(dir.display())))
        .run(|| fs::read_dir(&dir).map_err(IntoErrno::into_errno))?;
    for entry in entries.flatten() {
        let name = below.join(entry.file_name());
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_dir {
            collect(layer, &name, all)?;
        }
        all.insert(name);
    }
    Ok(())
}

/// Columns as wide as their widest word.
fn aligned(rows: Vec<Vec<String>>) -> Vec<String> {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(word, width)| format!("{word:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_string()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = vec![row("", "merged", ["upper"].into_iter()), row("a", "u", ["f"].into_iter())];
        assert_eq!(aligned(rows), ["   merged  upper", "a  u       f"]);
    }
}
