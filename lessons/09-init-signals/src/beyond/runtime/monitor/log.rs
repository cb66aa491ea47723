//! The log of a box: what it wrote, chunk by chunk, byte for byte.
//!
//! ```text
//! 8 bytes   when, in ns since 1970, little-endian
//! 4 bytes   length
//! 1 byte    'o' standard output, or terminal; 'e' standard error
//!           the bytes
//! ```
//!
//! The last byte of the head is the first of the message that goes to those who are attached: nothing is copied.
//!
//! With a largest size there are several files: `log`, and before that `log.1`, `log.2`. [`Reader`](super::reader::Reader)
//! reads all as one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ground::Result;
use ground::call::quietly;

use crate::beyond::runtime::log_opt::Rotation;
use crate::beyond::runtime::record::now;

/// Bytes before each chunk.
pub const HEAD: usize = 13;

/// The log, to be written to.
pub struct Log {
    at: PathBuf,
    file: File,
    length: u64,
    rotation: Option<Rotation>,
}

impl Log {
    /// Opens it to go on writing.
    pub fn append(at: &Path, rotation: Option<Rotation>) -> Result<Log> {
        let shown = at.display();
        let file = quietly(format_args!("open {shown}")).run(|| open(at))?;
        let length = quietly(format_args!("fstat {shown}")).run(|| file.metadata())?.len();
        Ok(Log { at: at.into(), file, length, rotation })
    }

    /// The name of a file that has been renamed so often: `log`, `log.1`, `log.2`.
    pub fn name(at: &Path, number: usize) -> PathBuf {
        if number == 0 { at.into() } else { at.with_extension(number.to_string()) }
    }

    /// Writes a chunk. `room` has [`HEAD`] bytes free before it. On a full disk the chunk is lost: the box goes on.
    pub fn write(&mut self, stream: u8, room: &mut [u8]) {
        let length = (room.len() - HEAD) as u32;
        room[..8].copy_from_slice(&now().to_le_bytes());
        room[8..12].copy_from_slice(&length.to_le_bytes());
        room[12] = stream;
        let more = room.len() as u64;
        let is_full = |rotation: Rotation| self.length > 0 && self.length + more > rotation.size;
        if let Some(rotation) = self.rotation.filter(|rotation| is_full(*rotation)) {
            // On a full disk it goes on where it is.
            let _ = self.rotate(rotation.files);
        }
        match self.file.write_all(room) {
            Ok(()) => self.length += more,
            // Half a chunk would make all that follows unreadable.
            Err(_) => drop(self.file.set_len(self.length)),
        }
    }

    // ANCHOR: rotate
    /// Every file gets the next number, the oldest first; with the last rename the new one takes the name of the log.
    /// Whoever reads has his file open, whatever it is called.
    fn rotate(&mut self, files: usize) -> io::Result<()> {
        let next = self.at.with_extension("new");
        let file = open(&next)?;
        for number in (1..files).rev() {
            match fs::rename(Log::name(&self.at, number - 1), Log::name(&self.at, number)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        fs::rename(&next, &self.at)?;
        (self.file, self.length) = (file, 0);
        Ok(())
    }
    // ANCHOR_END: rotate
}

fn open(at: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(at)
}

/// One chunk of a log.
pub struct Chunk {
    /// When it was read from the box.
    pub when: u64,
    /// `o` or `e`.
    pub stream: u8,
    /// What it wrote.
    pub data: Vec<u8>,
}

/// Reads the next chunk; `None` where the log ends, for now: the file is then where it was.
pub fn next(log: &mut (impl Read + io::Seek)) -> io::Result<Option<Chunk>> {
    let at = log.stream_position()?;
    let mut head = [0; HEAD];
    let read = log.read_exact(&mut head).and_then(|()| {
        let number = |range: std::ops::Range<usize>| {
            head[range].iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
        };
        let mut data = vec![0; number(8..12) as usize];
        log.read_exact(&mut data)?;
        Ok(Chunk { when: number(0..8), stream: head[12], data })
    });
    match read {
        Ok(chunk) => Ok(Some(chunk)),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
            log.seek(io::SeekFrom::Start(at)).map(|_| None)
        }
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn half_a_chunk_is_the_end_for_now() {
        let whole = [&[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, b'e'][..], b"hi"].concat();
        for cut in 0..whole.len() {
            let mut log = Cursor::new(whole[..cut].to_vec());
            assert!(next(&mut log).unwrap().is_none());
            assert_eq!(log.position(), 0);
        }
        let chunk = next(&mut Cursor::new(whole)).unwrap().unwrap();
        assert_eq!((chunk.when, chunk.stream, &chunk.data[..]), (1, b'e', &b"hi"[..]));
    }
}
