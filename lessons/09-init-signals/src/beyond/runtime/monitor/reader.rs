//! [`Reader`]: all files of a log as one, while a monitor goes on writing and rotating.
//!
//! A file only ever moves to a higher number, and what was renamed is not written to any more. So whoever opens the newest
//! first, and the next number after that, meets every file at least once; and what he has open stays, whatever its name.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ground::Result;
use ground::call::quietly;

use super::log::{Chunk, Log, next};

/// Where somebody is in a log.
pub struct Reader {
    at: PathBuf,
    most: usize,
    /// The oldest first. All but the last are written to no more.
    files: VecDeque<Opened>,
}

struct Opened {
    inode: u64,
    file: BufReader<File>,
}

impl Reader {
    /// At the beginning of a log of at most so many files.
    pub fn open(at: &Path, most: usize) -> Result<Reader> {
        let mut reader = Reader { at: at.into(), most, files: VecDeque::new() };
        reader.look()?;
        Ok(reader)
    }

    /// The next chunk; `None` where the log ends, for now.
    pub fn chunk(&mut self) -> Result<Option<Chunk>> {
        loop {
            let chunk = self.files.front_mut().map_or(Ok(None), |opened| next(&mut opened.file));
            if let Some(chunk) = quietly("read the log").run(|| chunk)? {
                return Ok(Some(chunk));
            }
            match self.files.len() {
                // It may have grown before it was renamed: it is read to its end once more.
                0 | 1 if !self.look()? => return Ok(None),
                0 | 1 => {}
                _ => drop(self.files.pop_front()),
            }
        }
    }

    // ANCHOR: look
    /// Opens what is newer than the last; whether there is any.
    fn look(&mut self) -> Result<bool> {
        let last = self.files.back().map(|opened| opened.inode);
        let newest = inode(&self.at);
        if newest.is_none() && last.is_some() || newest.is_some() && newest == last {
            return Ok(false);
        }
        let mut newer = self.all()?;
        // Had it been rotated meanwhile, by more than one, they would be out of order.
        let is_last =
            |newer: &VecDeque<Opened>, inode| newer.back().is_some_and(|o| o.inode == inode);
        while inode(&self.at).is_some_and(|now| !is_last(&newer, now)) {
            newer = self.all()?;
        }
        if let Some(known) = newer.iter().position(|opened| Some(opened.inode) == last) {
            newer.drain(..=known);
        }
        let found = !newer.is_empty();
        self.files.append(&mut newer);
        Ok(found)
    }

    /// Opens all files, the newest first; the oldest is then in front.
    fn all(&self) -> Result<VecDeque<Opened>> {
        let mut found: VecDeque<Opened> = VecDeque::new();
        for number in 0..self.most {
            let at = Log::name(&self.at, number);
            let open = || match File::open(&at) {
                // There never were so many, or it has just been renamed, and is met at the next number.
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
                other => other.and_then(|file| Ok(Some((file.metadata()?.ino(), file)))),
            };
            let Some((inode, file)) = quietly(format_args!("open {}", at.display())).run(open)?
            else {
                continue;
            };
            if found.iter().all(|opened| opened.inode != inode) {
                found.push_front(Opened { inode, file: BufReader::new(file) });
            }
        }
        Ok(found)
    }
    // ANCHOR_END: look
}

fn inode(at: &Path) -> Option<u64> {
    fs::metadata(at).ok().map(|meta| meta.ino())
}
