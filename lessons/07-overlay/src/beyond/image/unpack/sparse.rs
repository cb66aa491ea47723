//! Files with holes: in the archive, in three formats, and on the disk.
//!
//! The old format of GNU tar is the tar crate's affair, which puts the zeros in; [`copy`] leaves them out again. In PAX
//! archives the map of what is there stands in the header (0.1) or before the data (1.0). See the manual of GNU tar,
//! "Sparse Formats".

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};

use ground::Result;

use super::damaged;

/// A piece of the file that is in the archive: offset and length.
type Piece = (u64, u64);

/// Where the map of a sparse file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// 1.0: decimal numbers, one a line, before the data.
    BeforeData,
    /// 0.1: it was in the header.
    InHeader(Vec<Piece>),
}

/// No map of a real file is longer.
const MOST_PIECES: usize = 1 << 20;
const BLOCK: usize = 512;
/// Zeros are left out in pieces of this size.
const CHUNK: usize = 1 << 16;

/// The map of format 0.1: `offset,length,offset,length`.
pub fn header_map(map: &str) -> Result<Vec<Piece>> {
    let numbers: Option<Vec<u64>> = map.split(',').map(|word| word.parse().ok()).collect();
    let numbers = numbers.filter(|numbers| numbers.len() % 2 == 0).ok_or_else(bad_map)?;
    Ok(numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
}

/// Writes a sparse file of `size` bytes.
pub fn fill(from: &mut impl Read, to: &mut File, format: &Format, size: u64) -> Result<()> {
    let mut from = BufReader::with_capacity(BLOCK, from);
    let pieces = match format {
        Format::InHeader(pieces) => pieces.clone(),
        Format::BeforeData => read_map(&mut from)?,
    };
    let mut end = 0;
    for (offset, length) in pieces {
        let next = offset.checked_add(length).filter(|next| offset >= end && *next <= size);
        end = next.ok_or_else(bad_map)?;
        to.seek(SeekFrom::Start(offset)).map_err(damaged)?;
        let copied = io::copy(&mut (&mut from).take(length), to).map_err(damaged)?;
        if copied < length {
            return Err(bad_map());
        }
    }
    to.set_len(size).map_err(damaged)
}

/// The map fills whole blocks. The reader's buffer is a block, so that what is left of it is padding.
fn read_map(from: &mut BufReader<impl Read>) -> Result<Vec<Piece>> {
    let mut taken = 0;
    let mut number = || {
        let mut line = Vec::new();
        let read = (&mut *from).take(21).read_until(b'\n', &mut line).map_err(damaged)?;
        taken += read;
        let word = std::str::from_utf8(&line).ok().and_then(|line| line.strip_suffix('\n'));
        word.and_then(|word| word.parse::<u64>().ok()).ok_or_else(bad_map)
    };
    let count = number()? as usize;
    if count > MOST_PIECES {
        return Err(bad_map());
    }
    let pieces = (0..count).map(|_| Ok((number()?, number()?))).collect::<Result<Vec<_>>>()?;
    let padding = (taken.next_multiple_of(BLOCK) - taken) as u64;
    match io::copy(&mut from.take(padding), &mut io::sink()).map_err(damaged)? {
        copied if copied == padding => Ok(pieces),
        _ => Err(bad_map()),
    }
}

/// Copies a file and leaves long runs of zeros out. Returns its length.
pub fn copy(from: &mut impl Read, to: &mut File, buffer: &mut [u8]) -> io::Result<u64> {
    let mut length = 0;
    let mut ends_in_hole = false;
    loop {
        let filled = read_full(from, buffer)?;
        for chunk in buffer[..filled].chunks(CHUNK) {
            ends_in_hole = chunk.len() == CHUNK && is_zero(chunk);
            match ends_in_hole {
                true => drop(to.seek(SeekFrom::Current(CHUNK as i64))?),
                false => to.write_all(chunk)?,
            }
        }
        length += filled as u64;
        if filled < buffer.len() {
            break;
        }
    }
    if ends_in_hole {
        to.set_len(length)?;
    }
    Ok(length)
}

fn read_full(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

/// As a comparison of the slice with itself, one byte on: memcmp(3), fast without optimisation too.
fn is_zero(chunk: &[u8]) -> bool {
    chunk.first() == Some(&0) && chunk[..chunk.len() - 1] == chunk[1..]
}

fn bad_map() -> ground::Error {
    damaged(io::Error::other("the map of a sparse file does not fit it"))
}
