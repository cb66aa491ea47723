//! Files that may be gone at any moment: then there is no number.

use std::fs;
use std::path::Path;

/// The file's text.
pub(super) fn text(file: &Path) -> Option<String> {
    fs::read(file).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// A file that holds one number.
pub(super) fn number(file: &Path) -> Option<u64> {
    text(file)?.trim().parse().ok()
}

/// The number after a word at the beginning of a line.
pub(super) fn field(file: impl AsRef<Path>, key: &str) -> Option<u64> {
    let text = text(file.as_ref())?;
    let line = text.lines().find(|line| line.split_whitespace().next() == Some(key))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
