//! Content addresses: a blob is named by the SHA-256 of its bytes, so whoever has the name can check the content.

use std::fmt::{self, Display};
use std::io::{self, Read, Write};

use ground::error::Kind;
use ground::{Error, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// `sha256:` and 64 hexadecimal digits. See the image spec, descriptor.md.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// Reads `sha256:HEX`. What is accepted can be used as a file name.
    pub fn parse(word: &str) -> Result<Digest> {
        let refused = |what: &str| {
            Err(Error::new(Kind::Failed, format!("digest {} {what}", super::cut(word))))
        };
        let Some((algorithm, hex)) = word.split_once(':') else {
            return refused("has no algorithm before a colon");
        };
        if algorithm != "sha256" {
            return refused("is of an algorithm that this kit does not know: it knows sha256");
        }
        match hex.len() == 64 && hex.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')) {
            true => Ok(Digest(hex.to_string())),
            false => refused("is not 64 lower-case hexadecimal digits"),
        }
    }

    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest::finish(Sha256::new_with_prefix(bytes))
    }

    /// The 64 digits.
    pub fn hex(&self) -> &str {
        &self.0
    }

    /// As many digits as people read.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }

    fn finish(hash: Sha256) -> Digest {
        Digest(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

impl TryFrom<String> for Digest {
    type Error = Error;

    fn try_from(word: String) -> Result<Digest> {
        Digest::parse(&word)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

/// A reader or writer that keeps the digest and the number of what passed through.
pub struct Hashing<T> {
    inner: T,
    hash: Sha256,
    bytes: u64,
}

impl<T> Hashing<T> {
    /// Nothing has passed yet.
    pub fn new(inner: T) -> Hashing<T> {
        Hashing { inner, hash: Sha256::new(), bytes: 0 }
    }

    /// What passed: its digest and length.
    pub fn finish(self) -> (T, Digest, u64) {
        (self.inner, Digest::finish(self.hash), self.bytes)
    }

    fn passed(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.passed(&buffer[..length]);
        Ok(length)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.passed(&bytes[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_digest_of_nothing_is_the_well_known_one() {
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
        assert_eq!(Digest::parse(EMPTY).unwrap(), Digest::of(b""));
    }

    #[test]
    fn what_passes_through_is_counted_and_hashed() {
        let mut hashing = Hashing::new(io::sink());
        hashing.write_all(b"box").unwrap();
        hashing.write_all(b"wright").unwrap();
        let (_, digest, bytes) = hashing.finish();
        assert_eq!((digest, bytes), (Digest::of(b"boxwright"), 9));
    }

    #[test]
    fn a_digest_is_a_safe_file_name_or_none() {
        for word in ["", "sha256", "sha256:", "sha512:00", "sha256:../../etc/passwd"] {
            assert!(Digest::parse(word).is_err(), "{word}");
        }
        assert!(Digest::parse(&EMPTY.to_uppercase()).is_err());
    }
}
