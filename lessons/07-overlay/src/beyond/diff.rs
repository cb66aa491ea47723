//! What a box has changed, as `docker diff` says it. Nobody has kept a list: it is read from the upper layer.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::{self, Display};
use std::fs;
use std::path::{Path, PathBuf};

use ground::Result;
use ground::call::{IntoErrno, quietly};
use ground::story::notice;
use ground::text::path;

use super::lookup::{Entry, find};
use crate::Layers;

/// What became of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// No lower layer had it.
    Added,
    /// A lower layer has it: its content, mode or owner may be another; of a directory, what is in it.
    Changed,
    /// A lower layer has it, and it is not seen any more.
    Deleted,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// From the root of the box.
    pub path: PathBuf,
    /// What became of it.
    pub kind: Kind,
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.kind {
            Kind::Added => 'A',
            Kind::Changed => 'C',
            Kind::Deleted => 'D',
        };
        // A name may hold a newline, and would make two lines.
        let shown = self.path.display().to_string();
        let plain: String = shown.chars().flat_map(visible).collect();
        write!(f, "{letter} {plain}")
    }
}

fn visible(c: char) -> Vec<char> {
    if c.is_control() { c.escape_default().collect() } else { vec![c] }
}

/// The changes of `upper` against the lower layers, the lowest first; sorted by path.
pub fn changes(upper: &Path, lowers: &[PathBuf]) -> Result<Vec<Change>> {
    let from_the_top: Vec<_> = lowers.iter().rev().cloned().collect();
    let mut found = Vec::new();
    walk(upper, Path::new("/"), &from_the_top, &mut found)?;
    found.sort();
    Ok(found)
}

fn walk(upper: &Path, dir: &Path, lowers: &[PathBuf], found: &mut Vec<Change>) -> Result<()> {
    for name in names(&below(upper, dir))? {
        let at = dir.join(name);
        let entry = Entry::of(&below(upper, &at))?;
        let was = find(lowers, &at)?.is_some();
        let kind = match (entry, was) {
            (Entry::Whiteout, _) => Kind::Deleted,
            (_, true) => Kind::Changed,
            (_, false) => Kind::Added,
        };
        found.push(Change { path: at.clone(), kind });
        if entry == Entry::Opaque {
            hidden(upper, &at, lowers, found)?;
        }
        if matches!(entry, Entry::Directory | Entry::Opaque) {
            walk(upper, &at, lowers, found)?;
        }
    }
    Ok(())
}

/// What an opaque directory hides: the names of the lower ones that it does not have itself.
fn hidden(upper: &Path, dir: &Path, lowers: &[PathBuf], found: &mut Vec<Change>) -> Result<()> {
    let mut lost = BTreeSet::new();
    for layer in lowers {
        let at = below(layer, dir);
        if matches!(Entry::of(&at)?, Entry::Directory | Entry::Opaque) {
            lost.extend(names(&at)?);
        }
    }
    for name in lost {
        let at = dir.join(name);
        let gone = Entry::of(&below(upper, &at))? == Entry::Absent;
        if gone && find(lowers, &at)?.is_some() {
            found.push(Change { path: at, kind: Kind::Deleted });
        }
    }
    Ok(())
}

/// The names in a directory.
fn names(dir: &Path) -> Result<Vec<OsString>> {
    quietly(format_args!("list {}", path(dir.display()))).run(|| {
        let entries = fs::read_dir(dir).map_err(IntoErrno::into_errno)?;
        let name = |entry: std::io::Result<fs::DirEntry>| entry.map(|entry| entry.file_name());
        entries.map(name).collect::<std::io::Result<_>>().map_err(IntoErrno::into_errno)
    })
}

/// A path from the root of the box, in one layer.
fn below(layer: &Path, at: &Path) -> PathBuf {
    layer.join(at.strip_prefix("/").unwrap_or(at))
}

/// Says at the end of a run what was changed: `run --diff`.
#[derive(Clone, Debug)]
pub struct TellChanges(Layers);

impl TellChanges {
    /// In these layers.
    pub fn of(layers: &Layers) -> TellChanges {
        TellChanges(layers.clone())
    }

    /// Says it. A box that never came to be has changed nothing.
    pub fn tell(&self) -> Result<()> {
        let Some(upper) = self.0.upper.as_ref().filter(|upper| upper.is_dir()) else {
            return Ok(());
        };
        changes(upper, &self.0.lowers)?.iter().for_each(notice);
        Ok(())
    }
}
