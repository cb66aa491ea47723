//! A layer's archive becomes a directory that overlayfs can stack. The archive is a stranger's.
//!
//! No path of an archive is ever given to the kernel as a string from `/`. Each entry's parent directory is opened
//! relative to a descriptor of the layer's root, by openat2(2) with `RESOLVE_BENEATH`: the kernel itself refuses to leave.
//! The last component is made exclusively and never followed; nothing that was made is ever replaced, so that a name
//! which was a directory a moment ago is one still. What does not fit is refused, never repaired.

mod entry;
mod fill;
mod implied;
mod sparse;
pub(super) mod tree;
mod whiteout;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ground::error::Kind;
use ground::needs::Need;
use ground::{Error, Result, interrupt};
use nix::errno::Errno;
use tar::Archive;

use entry::{Entry, Meta};
use implied::implied;
pub use tree::NO_ROOM;
use tree::Tree;

/// What an image may cost: all its layers together.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the archive when decompressed, and of all its files: of each alone.
    pub bytes: u64,
    /// Entries.
    pub entries: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { bytes: 32 << 30, entries: 4 << 20 }
    }
}

/// Names and attributes of one entry: more than that is not told by anybody who means well.
const METADATA: u64 = 1 << 20;

/// Unpacks a tar archive into the empty directory `at`, and reads the stream to its end. `below` are the layers on which it
/// will lie, the uppermost first. Returns what is left for the image's other layers.
pub fn unpack(from: impl Read, at: &Path, below: &[PathBuf], limits: Limits) -> Result<Limits> {
    let ration = Rc::new(Cell::new(METADATA));
    let mut archive = Archive::new(Rationed::new(from, ration.clone(), limits.bytes));
    let mut unpacker = Unpacker::new(at, below, limits)?;
    let mut entries = archive.entries().map_err(damaged)?;
    while let Some(mut entry) = entries.next().transpose().map_err(damaged)? {
        interrupt::check();
        ration.set(u64::MAX);
        unpacker.add(&mut entry)?;
        // What is left of it is not metadata of the next.
        io::copy(&mut entry, &mut io::sink()).map_err(damaged)?;
        ration.set(METADATA);
    }
    ration.set(u64::MAX);
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink()).map_err(damaged)?;
    let Limits { bytes, entries } = unpacker.left;
    unpacker.finish()?;
    Ok(Limits { bytes: bytes.min(rest.left), entries })
}

/// The state of one unpacking.
struct Unpacker<'a> {
    tree: Tree,
    at: &'a Path,
    below: &'a [PathBuf],
    /// Whether files can be given to others, and device nodes be made.
    is_root: bool,
    left: Limits,
    most: Limits,
    /// Directories get mode and times last: with what is made in them, times change, and a closed one lets nobody in.
    directories: BTreeMap<PathBuf, Meta>,
}

impl Unpacker<'_> {
    fn new<'a>(at: &'a Path, below: &'a [PathBuf], limits: Limits) -> Result<Unpacker<'a>> {
        let (tree, is_root) = (Tree::open(at)?, Need::InitialRoot.is_met());
        let mut directories = BTreeMap::new();
        directories.insert(PathBuf::new(), Meta::directory());
        Ok(Unpacker { tree, at, below, is_root, left: limits, most: limits, directories })
    }

    fn add(&mut self, from: &mut tar::Entry<'_, impl Read>) -> Result<()> {
        let Some(entry) = Entry::read(from)? else { return Ok(()) };
        self.pay(&entry)?;
        let made = self.tree.missing(&entry.path)?;
        self.left.entries = self.left.entries.saturating_sub(made.len() as u64);
        for name in made {
            let meta = implied(self.at, self.below, &name)?;
            self.directories.insert(name, meta);
        }
        match whiteout::Mark::of(&entry.path)? {
            Some(mark) => self.white_out(&entry.path, mark),
            None => self.make(entry, from),
        }
    }

    /// Counts what an entry says that it will take, before anything of it is made.
    fn pay(&mut self, entry: &Entry) -> Result<()> {
        let too_much = |what: String| {
            let e = Error::new(Kind::Failed, format!("the archive unpacks to more than {what}"));
            Err(e.remedy("a larger --unpack-limit lets it in, if you trust it"))
        };
        let Limits { bytes, entries } = self.left;
        let left =
            Limits { bytes: bytes.wrapping_sub(entry.size), entries: entries.wrapping_sub(1) };
        if entries == 0 {
            return too_much(format!("{} entries", self.most.entries));
        }
        if entry.size > bytes {
            return too_much(format!("{} bytes", self.most.bytes));
        }
        self.left = left;
        Ok(())
    }

    /// The deepest directories first.
    fn finish(mut self) -> Result<()> {
        let directories = std::mem::take(&mut self.directories);
        directories.iter().rev().try_for_each(|(path, meta)| self.close_directory(path, meta))
    }
}

/// What is wrong with an entry.
fn refused(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::new(Kind::Failed, format!("archive entry {} {why}", shown(path)))
}

/// A stranger's name: in quotes, and not longer than a line.
fn shown(path: &Path) -> String {
    super::cut(&path.to_string_lossy())
}

/// The stream under the archive failed, or it is no archive.
fn damaged(e: io::Error) -> Error {
    match e.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOSPC) => Error::os("unpack the archive", Errno::ENOSPC).remedy(NO_ROOM),
        Some(errno) => Error::os("unpack the archive", errno),
        None => Error::new(Kind::Failed, format!("the archive is damaged: {e}")),
    }
}

/// A reader that yields no more than it is allowed: in all, and while metadata is read, which the tar crate keeps in
/// memory.
pub(super) struct Rationed<R> {
    inner: R,
    ration: Rc<Cell<u64>>,
    left: u64,
    most: u64,
}

impl<R> Rationed<R> {
    /// `ration` is what may be read now, and `most` in all.
    pub fn new(inner: R, ration: Rc<Cell<u64>>, most: u64) -> Rationed<R> {
        Rationed { inner, ration, left: most, most }
    }
}

impl<R: Read> Read for Rationed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ration = self.ration.get();
        if ration == 0 && !buffer.is_empty() {
            return Err(io::Error::other("name and attributes of one entry take more than 1 MiB"));
        }
        let most = ration.min(buffer.len() as u64) as usize;
        let length = self.inner.read(&mut buffer[..most])? as u64;
        if length > self.left {
            let what = format!("it has more than {} bytes, the --unpack-limit", self.most);
            return Err(io::Error::other(what));
        }
        self.left -= length;
        if ration != u64::MAX {
            self.ration.set(ration - length);
        }
        Ok(length as usize)
    }
}

impl<R: Seek> Seek for Rationed<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

#[cfg(test)]
mod tests;
