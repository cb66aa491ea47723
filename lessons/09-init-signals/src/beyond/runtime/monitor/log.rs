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

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ground::Result;
use ground::call::quietly;

use crate::beyond::runtime::record::now;

/// Bytes before each chunk.
pub const HEAD: usize = 13;

/// The log, to be written to.
pub struct Log(File);

impl Log {
    /// Opens it to go on writing.
    pub fn append(at: &Path) -> Result<Log> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        quietly(format_args!("open {}", at.display())).run(|| options.open(at)).map(Log)
    }

    /// Writes a chunk. `room` has [`HEAD`] bytes free before it. On a full disk the chunk is lost: the box goes on.
    pub fn write(&mut self, stream: u8, room: &mut [u8]) {
        let length = (room.len() - HEAD) as u32;
        room[..8].copy_from_slice(&now().to_le_bytes());
        room[8..12].copy_from_slice(&length.to_le_bytes());
        room[12] = stream;
        let before = self.0.metadata().map(|meta| meta.len());
        if let (Err(_), Ok(before)) = (self.0.write_all(room), before) {
            // Half a chunk would make all that follows unreadable.
            let _ = self.0.set_len(before);
        }
    }
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
