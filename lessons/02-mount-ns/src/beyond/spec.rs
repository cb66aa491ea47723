//! The argument of `-v`: `SRC:DST[:ro]`, as Docker writes it, and `idmap`, as Podman does.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use ground::{Error, Result};

/// Which directory or file of the host goes where in the box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeSpec {
    /// On the host; absolute.
    pub source: PathBuf,
    /// In the box; absolute, and not its root directory.
    pub destination: PathBuf,
    /// Whether the box may only read it.
    pub read_only: bool,
    /// Whether its files are to belong to the users of the box's user namespace: lesson 08.
    pub mapped: bool,
}

impl VolumeSpec {
    /// Parses `SRC:DST[:OPTION[,OPTION]]`. A path that holds a colon cannot be written in this form.
    pub fn parse(spec: &OsStr) -> Result<VolumeSpec> {
        let fields: Vec<&OsStr> =
            spec.as_bytes().split(|byte| *byte == b':').map(OsStr::from_bytes).collect();
        let (source, destination, options) = match fields[..] {
            [source, destination] => (source, destination, OsStr::new("rw")),
            [source, destination, options] => (source, destination, options),
            _ => return Err(wrong("not of the form", "SRC:DST, SRC:DST:ro or SRC:DST:rw")),
        };
        let (source, destination) = (PathBuf::from(source), PathBuf::from(destination));
        let (read_only, mapped) = parse_options(options.as_bytes())?;
        check(&source, &destination)?;
        Ok(VolumeSpec { source, destination, read_only, mapped })
    }

    /// The same for clap.
    pub fn from_argument(spec: OsString) -> Result<VolumeSpec> {
        VolumeSpec::parse(&spec)
    }
}

/// `ro` or `rw`, `idmap`, or both, separated by a comma: whether it is read-only, whether it is mapped.
fn parse_options(options: &[u8]) -> Result<(bool, bool)> {
    Ok(match options {
        b"rw" => (false, false),
        b"ro" => (true, false),
        b"idmap" | b"rw,idmap" | b"idmap,rw" => (false, true),
        b"ro,idmap" | b"idmap,ro" => (true, true),
        _ => return Err(wrong("unknown option", "the third field is ro or rw, or idmap")),
    })
}

fn check(source: &Path, destination: &Path) -> Result<()> {
    if !source.is_absolute() {
        // A bare name would be a volume that Docker manages; there are none here.
        return Err(wrong("SRC is relative", "write \"$PWD\"/SRC"));
    }
    if !destination.is_absolute() {
        return Err(wrong("DST is relative", "write it from the box's / on"));
    }
    // `/tmp/..` is the root directory too, but only the kernel can say so of every path.
    if destination.file_name().is_none() {
        return Err(wrong("DST names no place", "write one below the box's root directory"));
    }
    Ok(())
}

/// The whole argument is named by who reports this, clap.
fn wrong(what: &str, remedy: &str) -> Error {
    Error::usage(what).remedy(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(spec: &str) -> Result<VolumeSpec, String> {
        VolumeSpec::parse(OsStr::new(spec)).map_err(|e| e.to_string())
    }

    #[test]
    fn two_or_three_fields() {
        let read_only = parse("/a/b:/c:ro").unwrap();
        assert_eq!(read_only.source, Path::new("/a/b"));
        assert_eq!(read_only.destination, Path::new("/c"));
        assert!(read_only.read_only);
        assert!(!parse("/a:/c").unwrap().read_only);
        assert_eq!(parse("/a:/c"), parse("/a:/c:rw"));
    }

    #[test]
    fn options_are_separated_by_commas() {
        let both = parse("/a:/c:ro,idmap").unwrap();
        assert!(both.read_only && both.mapped);
        assert!(!parse("/a:/c:ro").unwrap().mapped);
        assert!(parse("/a:/c:ro,,idmap").is_err() && parse("/a:/c:ro,rw").is_err());
    }

    #[test]
    fn a_relative_source_is_told_how_to_become_absolute() {
        let said = parse("data:/data").unwrap_err();
        assert_eq!(said, "SRC is relative: write \"$PWD\"/SRC");
    }

    #[test]
    fn what_is_no_volume_is_refused() {
        let wrong =
            ["", ":", "/a", "/a:", ":/c", "/a:c", "/a:/", "/a:/c:rx", "/a:/c:ro:", "/a:/c/.."];
        assert!(wrong.iter().all(|spec| parse(spec).is_err()));
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            let _ = VolumeSpec::parse(OsStr::from_bytes(&bytes));
        }

        #[test]
        fn reads_back_what_was_written(source in "(/[^:/\0]{1,8}){1,3}", name in "[^:/.\0]{1,8}", ro: bool) {
            let spec = format!("{source}:/{name}:{}", if ro { "ro" } else { "rw" });
            let read = parse(&spec).unwrap();
            prop_assert_eq!(read.source, Path::new(&source));
            prop_assert_eq!(read.destination, Path::new("/").join(name));
            prop_assert_eq!(read.read_only, ro);
        }
    }
}
