//! What went between a group and a disk, by the kernel's own count.

use std::path::Path;

use ground::Result;
use ground::cgroup::{Place, Version};

use crate::io::number_of;

/// Bytes that passed a disk's queue on behalf of a group. What is in the page cache did not, yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// From the disk.
    pub read: u64,
    /// To the disk.
    pub written: u64,
}

impl Traffic {
    /// So far, of the disk at this path.
    pub fn of(place: &Place, disk: &Path) -> Result<Traffic> {
        let (number, text) = (number_of(disk)?, place.read(Traffic::file(place.version))?);
        Ok(match place.version {
            Version::V1 => Traffic::v1(&text, &number),
            Version::V2 => Traffic::v2(&text, &number),
        })
    }

    /// The name of the file.
    pub fn file(version: Version) -> &'static str {
        match version {
            Version::V1 => "blkio.throttle.io_service_bytes",
            Version::V2 => "io.stat",
        }
    }

    /// `7:0 Read 4096`, a line for each kind.
    fn v1(text: &str, number: &str) -> Traffic {
        let of = |kind: &str| {
            let value = |line: &str| {
                line.strip_prefix(number)?.trim().strip_prefix(kind)?.trim().parse().ok()
            };
            text.lines().find_map(value).unwrap_or(0)
        };
        Traffic { read: of("Read"), written: of("Write") }
    }

    /// `7:0 rbytes=4096 wbytes=0 rios=1 …`, a line for each disk.
    fn v2(text: &str, number: &str) -> Traffic {
        let line = text.lines().find_map(|line| line.strip_prefix(number)?.strip_prefix(' '));
        let of = |key: &str| {
            let value = |word: &str| word.strip_prefix(key)?.parse().ok();
            line.unwrap_or_default().split(' ').find_map(value).unwrap_or(0)
        };
        Traffic { read: of("rbytes="), written: of("wbytes=") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_read() {
        let expected = Traffic { read: 4096, written: 8192 };
        let v1 = "7:10 Read 1\n7:1 Read 4096\n7:1 Write 8192\n7:1 Total 12288\nTotal 12289";
        assert_eq!(Traffic::v1(v1, "7:1"), expected);
        let v2 = "7:10 rbytes=1 wbytes=1\n7:1 rbytes=4096 wbytes=8192 rios=1 wios=2";
        assert_eq!(Traffic::v2(v2, "7:1"), expected);
        assert_eq!(Traffic::v2("", "7:1"), Traffic::default());
    }
}
