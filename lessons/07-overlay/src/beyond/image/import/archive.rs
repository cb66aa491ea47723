//! Where the files of an image are: a directory, or a tar archive that is read where it lies, without unpacking it.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ground::call::quietly;
use ground::error::Kind;
use ground::text::path;
use ground::{Error, Result};
use nix::errno::Errno;
use tar::{Archive, EntryType};

use crate::beyond::image::blob::{Attentive, open_regular, read_small};
use crate::beyond::image::media::{Compression, decompress};
use crate::beyond::image::store::{Scratch, Store};
use crate::beyond::image::unpack::{Limits, Rationed};

/// A directory or an archive.
pub enum Source {
    Directory(PathBuf),
    Tar(Tar),
}

/// An archive, and what is where in it.
pub struct Tar {
    /// As the user gave it, or standard input's copy.
    original: PathBuf,
    file: File,
    entries: HashMap<String, Found>,
    /// What was decompressed or came by standard input.
    _spool: Option<Scratch>,
}

enum Found {
    File { at: u64, size: u64 },
    Link(String),
}

impl Source {
    pub fn open(store: &Store, from: &Path, limits: Limits) -> Result<Source> {
        if from.is_dir() {
            return Ok(Source::Directory(from.into()));
        }
        let (original, mut spool) = match from.as_os_str() == "-" {
            true => {
                let scratch = store.scratch()?;
                (spooled(&scratch, "stdin", io::stdin().lock(), limits)?, Some(scratch))
            }
            false => (from.to_path_buf(), None),
        };
        let mut file = open_regular(&original)?;
        let mut head = [0; 4];
        let length = file.read_at(&mut head, 0).unwrap_or(0);
        if Compression::of(&head[..length]) != Compression::None {
            let scratch = match spool.take() {
                Some(scratch) => scratch,
                None => store.scratch()?,
            };
            let (plain, _) = quietly("decompress the archive").run(|| decompress(&file))?;
            file = open_regular(&spooled(&scratch, "plain", plain, limits)?)?;
            spool = Some(scratch);
        }
        let entries = list(&file, limits)?;
        Ok(Source::Tar(Tar { original, file, entries, _spool: spool }))
    }

    /// The file itself, when it is one.
    pub fn original(&self) -> Option<&Path> {
        match self {
            Source::Tar(tar) => Some(&tar.original),
            Source::Directory(_) => None,
        }
    }

    pub fn is_empty(&self) -> bool {
        matches!(self, Source::Tar(tar) if tar.entries.is_empty())
    }

    pub fn has(&self, name: &str) -> bool {
        match self {
            Source::Directory(dir) => dir.join(name).is_file(),
            Source::Tar(tar) => tar.find(name).is_some(),
        }
    }

    /// Opens one of its files. The names come from the image's JSON.
    pub fn read(&self, name: &str) -> Result<Box<dyn Read + '_>> {
        let missing = || {
            Error::new(Kind::Failed, format!("the image has no file {}", super::super::cut(name)))
        };
        match self {
            Source::Directory(dir) => {
                let plain = Path::new(name)
                    .components()
                    .all(|part| matches!(part, std::path::Component::Normal(_)));
                let at = plain.then(|| dir.join(name)).ok_or_else(missing)?;
                Ok(Box::new(open_regular(&at)?))
            }
            Source::Tar(tar) => {
                let (at, size) = tar.find(name).ok_or_else(missing)?;
                let file = quietly("dup the archive").run(|| tar.file.try_clone())?;
                Ok(Box::new(Window { file, at, left: size }))
            }
        }
    }

    /// Reads one of its small files.
    pub fn small(&self, name: &str) -> Result<Vec<u8>> {
        read_small(self.read(name)?, name)
    }
}

impl Tar {
    /// docker save once wrote equal layers as links to the first.
    fn find(&self, name: &str) -> Option<(u64, u64)> {
        let mut name = name.to_string();
        for _ in 0..8 {
            match self.entries.get(&name)? {
                Found::File { at, size } => return Some((*at, *size)),
                Found::Link(target) => name = target.clone(),
            }
        }
        None
    }
}

/// A piece of a file, whatever others read of it.
struct Window {
    file: File,
    at: u64,
    left: u64,
}

impl Read for Window {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.left.min(buffer.len() as u64) as usize;
        let length = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += length as u64;
        self.left -= length as u64;
        Ok(length)
    }
}

fn spooled(scratch: &Scratch, name: &str, from: impl Read, limits: Limits) -> Result<PathBuf> {
    let at = scratch.path().join(name);
    let mut from = Attentive(from).take(limits.bytes.saturating_add(1));
    let copied = File::create_new(&at).and_then(|mut to| io::copy(&mut from, &mut to));
    let length = quietly(format_args!("write {}", path(at.display())))
        .hint(
            Errno::ENOSPC,
            "free some space, or import an archive that is a file, and not compressed",
        )
        .hint(Errno::EILSEQ, "the archive is damaged: it cannot be decompressed")
        .run(|| copied)?;
    match length > limits.bytes {
        true => Err(Error::new(
            Kind::Failed,
            format!("the archive has more than {} bytes", limits.bytes),
        )
        .remedy("a larger --unpack-limit lets it in, if you trust it")),
        false => Ok(at),
    }
}

fn list(file: &File, limits: Limits) -> Result<HashMap<String, Found>> {
    let wrong = |e: io::Error| {
        Error::new(Kind::Failed, format!("this is no image, and no tar archive: {e}"))
    };
    let ration = Rc::new(Cell::new(u64::MAX));
    let mut file = file;
    file.seek(SeekFrom::Start(0)).map_err(wrong)?;
    let mut archive = Archive::new(Rationed::new(file, ration.clone(), limits.bytes));
    let mut found = HashMap::new();
    let mut entries = archive.entries_with_seek().map_err(wrong)?;
    loop {
        ground::interrupt::check();
        ration.set(1 << 20);
        let Some(entry) = entries.next().transpose().map_err(wrong)? else { break };
        let Ok(name) = String::from_utf8(entry.path_bytes().into_owned()) else { continue };
        let name = name.trim_start_matches("./").to_string();
        if found.len() as u64 >= limits.entries {
            return Err(Error::new(
                Kind::Failed,
                format!("the archive has more than {} entries", limits.entries),
            ));
        }
        let kind = entry.header().entry_type();
        let link = entry.link_name_bytes().map(|link| String::from_utf8_lossy(&link).into_owned());
        match (kind, link) {
            (EntryType::Symlink, Some(link)) => {
                drop(found.insert(name.clone(), Found::Link(beside(&name, &link))))
            }
            (EntryType::Link, Some(link)) => drop(found.insert(name, Found::Link(link))),
            _ => {
                drop(found.insert(
                    name,
                    Found::File { at: entry.raw_file_position(), size: entry.size() },
                ))
            }
        }
    }
    Ok(found)
}

/// Where a relative link leads, as names of the archive.
fn beside(name: &str, link: &str) -> String {
    let mut parts: Vec<&str> = name.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_link_leads_to_a_name_of_the_archive() {
        assert_eq!(super::beside("b/layer.tar", "../a/layer.tar"), "a/layer.tar");
        assert_eq!(super::beside("x", "../../../etc/shadow"), "etc/shadow");
    }
}
