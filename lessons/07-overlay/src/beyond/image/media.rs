//! Decompression: gzip, zstd or none, told by the first bytes, as every other tool does.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::spec;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Compression {
    /// By the first bytes.
    pub fn of(head: &[u8]) -> Compression {
        match head {
            head if head.starts_with(&GZIP) => Compression::Gzip,
            // A skippable frame may come first, with sixteen possible first bytes.
            head if head.starts_with(&ZSTD) => Compression::Zstd,
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            _ => Compression::None,
        }
    }

    /// The media type of a layer.
    pub fn media_type(self) -> &'static str {
        match self {
            Compression::None => spec::LAYER,
            Compression::Gzip => spec::LAYER_GZIP,
            Compression::Zstd => spec::LAYER_ZSTD,
        }
    }
}

/// What the stream holds, and how it was compressed.
pub fn decompress<'a>(from: impl Read + 'a) -> io::Result<(Box<dyn Read + 'a>, Compression)> {
    let mut from = BufReader::with_capacity(1 << 17, from);
    let compression = Compression::of(from.fill_buf()?);
    Ok((
        match compression {
            Compression::None => Box::new(from),
            Compression::Gzip => Box::new(MultiGzDecoder::new(from)),
            Compression::Zstd => Box::new(Zstd::new(from)),
        },
        compression,
    ))
}

/// A stream of zstd frames: there may be many, and frames to be skipped between them. zstd:chunked ends with one.
struct Zstd<R> {
    from: R,
    decoder: FrameDecoder,
    /// Within a frame.
    open: bool,
}

impl<R: BufRead> Zstd<R> {
    fn new(from: R) -> Zstd<R> {
        Zstd { from, decoder: FrameDecoder::new(), open: false }
    }

    /// Opens the next frame; false at the end.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.from.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.from) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    if io::copy(&mut (&mut self.from).take(length), &mut io::sink())? < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(e) => return Err(io::Error::new(io::ErrorKind::InvalidData, e.to_string())),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.open && !self.next_frame()? {
                return Ok(0);
            }
            self.open = true;
            match self.decoder.read(buffer)? {
                0 if buffer.is_empty() => return Ok(0),
                0 if self.decoder.is_finished() => self.open = false,
                0 => {
                    let strategy = BlockDecodingStrategy::UptoBytes(1 << 17);
                    let decoded = self.decoder.decode_blocks(&mut self.from, strategy);
                    decoded
                        .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))?;
                }
                length => return Ok(length),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(bytes: &[u8]) -> io::Result<(Vec<u8>, Compression)> {
        let (mut reader, compression) = decompress(bytes)?;
        let mut out = Vec::new();
        reader.read_to_end(&mut out)?;
        drop(reader);
        Ok((out, compression))
    }

    #[test]
    fn a_stream_that_is_not_compressed_is_read_as_it_is() {
        assert_eq!(read(b"abc").unwrap(), (b"abc".to_vec(), Compression::None));
        assert_eq!(read(b"").unwrap(), (Vec::new(), Compression::None));
    }

    #[test]
    fn gzip_may_have_many_members() {
        let mut bytes = Vec::new();
        for part in ["one ", "two"] {
            let mut to = flate2::write::GzEncoder::new(&mut bytes, flate2::Compression::fast());
            to.write_all(part.as_bytes()).unwrap();
        }
        assert_eq!(read(&bytes).unwrap(), (b"one two".to_vec(), Compression::Gzip));
    }

    #[test]
    fn zstd_may_have_many_frames_and_some_to_skip() {
        use ruzstd::encoding::{CompressionLevel, compress_to_vec};
        let frame =
            |text: &'static str| compress_to_vec(text.as_bytes(), CompressionLevel::Fastest);
        let skip = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"xyz"].concat();
        let bytes = [frame("one "), skip.clone(), frame("two"), skip].concat();
        assert_eq!(read(&bytes).unwrap(), (b"one two".to_vec(), Compression::Zstd));
        assert!(read(&bytes[..bytes.len() - 2]).is_err());
    }
}
