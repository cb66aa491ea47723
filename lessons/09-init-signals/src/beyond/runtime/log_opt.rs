//! `--log-opt max-size=10m --log-opt max-file=3`: how much of a log is kept. Docker's json-file has these names.

use std::str::FromStr;

use ground::{Error, Result};
use memory_oom::size;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogOpt {
    /// Bytes of one file.
    MaxSize(u64),
    /// Files, with the one that is written to.
    MaxFile(usize),
}

impl FromStr for LogOpt {
    type Err = Error;

    fn from_str(word: &str) -> Result<LogOpt> {
        let files = |value: &str| value.parse().ok().filter(|files| (1..=1000).contains(files));
        match word.split_once('=') {
            Some(("max-size", value)) => match size::parse(value)? {
                0 => Err(Error::usage("max-size=SIZE: at least one byte")),
                bytes => Ok(LogOpt::MaxSize(bytes)),
            },
            Some(("max-file", value)) => files(value)
                .map(LogOpt::MaxFile)
                .ok_or_else(|| Error::usage("max-file=N: from 1 to 1000")),
            _ => Err(Error::usage("max-size=SIZE or max-file=N")),
        }
    }
}

/// When a file of a log is full, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// In bytes, with a head of 13 before each chunk. One chunk, at most 32 KiB, is never divided.
    pub size: u64,
    /// With the one that is written to.
    pub files: usize,
}

impl Rotation {
    /// What these say, the last of a kind; without a size there is one file, and no end to it.
    pub fn of(options: &[LogOpt]) -> Option<Rotation> {
        let (mut size, mut files) = (None, 1);
        for option in options {
            match option {
                LogOpt::MaxSize(bytes) => size = Some(*bytes),
                LogOpt::MaxFile(number) => files = *number,
            }
        }
        size.map(|size| Rotation { size, files })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_dockers() {
        let rotation = |words: &[&str]| {
            let options: Result<Vec<LogOpt>> = words.iter().map(|word| word.parse()).collect();
            options.map(|options| Rotation::of(&options))
        };
        let three = Some(Rotation { size: 10 << 20, files: 3 });
        assert_eq!(rotation(&["max-size=10m", "max-file=3"]).unwrap(), three);
        assert_eq!(rotation(&["max-size=1k"]).unwrap(), Some(Rotation { size: 1024, files: 1 }));
        assert_eq!(rotation(&["max-file=3"]).unwrap(), None);
        for word in ["", "max-size", "max-size=0", "max-size=-1", "max-file=0", "compress=true"] {
            assert!(rotation(&[word]).is_err(), "{word}");
        }
    }
}
