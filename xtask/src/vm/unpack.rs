//! Decompression by the programs that every distribution has.

use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};
use std::thread;

use crate::failure::{Failure, Result};

/// First bytes, program, arguments. xz must not look for a second stream behind the first.
const FORMATS: [(&[u8], &str, &[&str]); 4] = [
    (b"\xfd7zXZ\0", "xz", &["-dc", "--single-stream"]),
    (b"\x28\xb5\x2f\xfd", "zstd", &["-dcq"]),
    (b"\x1f\x8b", "gzip", &["-dcq"]),
    (b"\x02\x21\x4c\x18", "lz4", &["-dc"]),
];

/// Decompresses what begins like one of the formats; None for anything else. What stands behind
/// the compressed data is passed over.
pub fn by_magic(bytes: &[u8]) -> Result<Option<Vec<u8>>> {
    let known = FORMATS.iter().find(|(magic, ..)| bytes.starts_with(magic));
    known.map(|(_, program, args)| run(program, args, bytes)).transpose()
}

/// The exit status is passed over: trailing bytes make some of the programs complain at the end.
fn run(program: &str, args: &[&str], bytes: &[u8]) -> Result<Vec<u8>> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            let package = if program == "xz" { "xz-utils (Debian), xz (others)" } else { program };
            Failure::unusable(format!("{program} is not installed; its package: {package}"))
        }
        _ => Failure::unusable(format!("start {program}: {error}")),
    })?;
    let stdin = child.stdin.take();
    let output = thread::scope(|scope| {
        scope.spawn(|| stdin.map(|mut stdin| stdin.write_all(bytes)));
        child.wait_with_output()
    });
    let output = output.map_err(|error| Failure::unusable(format!("read {program}: {error}")))?;
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_decide() {
        assert!(by_magic(b"\x7fELF").unwrap().is_none());
        let gzip =
            b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x04\x00\x43\xbe\xb7\xe8\x01\x00\x00\x00";
        assert_eq!(by_magic(&[&gzip[..], b"noise"].concat()).unwrap().unwrap(), b"a");
    }
}
