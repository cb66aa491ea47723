//! A frame: one byte that says what it is, its length as four bytes little endian, its payload.

use std::io::{self, Read, Write};

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// From the machine: it has booted and waits for a job. The snapshot is taken here.
    Ready = b'R',
    /// From the machine: the command wrote this to stdout (or to its terminal).
    Stdout = b'O',
    /// From the machine: the command wrote this to stderr.
    Stderr = b'E',
    /// From the machine: the command has ended; one byte, as a shell counts. Nothing follows.
    Exit = b'X',
    /// From the machine: why the command could not be started. Nothing follows.
    Failed = b'F',
    /// To the machine: an encoded [`Job`](crate::job::Job).
    Job = b'J',
    /// To the machine: the command's stdin; an empty one is its end.
    Stdin = b'I',
    /// To the machine: rows and columns of the terminal, two bytes little endian each.
    Window = b'W',
}

const KINDS: [Kind; 8] = [
    Kind::Ready,
    Kind::Stdout,
    Kind::Stderr,
    Kind::Exit,
    Kind::Failed,
    Kind::Job,
    Kind::Stdin,
    Kind::Window,
];

/// No frame is longer: a longer one is noise.
const LONGEST: usize = 16 << 20;

/// Writes a frame in one piece.
///
/// # Errors
/// Those of the port.
pub fn write(port: &mut impl Write, kind: Kind, payload: &[u8]) -> io::Result<()> {
    let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
    let mut bytes = Vec::with_capacity(5 + payload.len());
    bytes.push(kind as u8);
    bytes.extend(length.to_le_bytes());
    bytes.extend(payload);
    port.write_all(&bytes)
}

/// Reads the next frame; waits for it.
///
/// # Errors
/// Those of the port, `UnexpectedEof` when the other side is gone, `InvalidData` for noise.
pub fn read(port: &mut impl Read) -> io::Result<(Kind, Vec<u8>)> {
    let mut head = [0; 5];
    port.read_exact(&mut head)?;
    let kind = KINDS.into_iter().find(|kind| *kind as u8 == head[0]);
    let length = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
    let Some(kind) = kind.filter(|_| length <= LONGEST) else {
        let text = format!("no frame begins with {head:02x?}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    };
    let mut payload = vec![0; length];
    port.read_exact(&mut payload)?;
    Ok((kind, payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_the_way() {
        let mut wire = Vec::new();
        let all_bytes: Vec<u8> = (0..=255).collect();
        write(&mut wire, Kind::Stdout, &all_bytes).unwrap();
        write(&mut wire, Kind::Stdin, &[]).unwrap();
        let mut wire = wire.as_slice();
        assert_eq!(read(&mut wire).unwrap(), (Kind::Stdout, all_bytes));
        assert_eq!(read(&mut wire).unwrap(), (Kind::Stdin, vec![]));
        assert_eq!(read(&mut wire).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn noise_is_refused() {
        for noise in [[0, 1, 0, 0, 0], [b'O', 0xff, 0xff, 0xff, 0xff]] {
            let error = read(&mut noise.as_slice()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }
}
