//! An entry of an archive as its headers tell it: ustar, GNU and PAX, names checked.

use std::ffi::{CString, OsString};
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use ground::Result;
use nix::sys::time::TimeSpec;
use tar::{EntryType, Header};

use super::{damaged, refused};

/// Owner, mode, time and attributes.
#[derive(Clone, Debug)]
pub struct Meta {
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub mtime: TimeSpec,
    pub xattrs: Vec<(CString, Vec<u8>)>,
}

impl Meta {
    /// Of a directory that no entry tells of.
    pub fn directory() -> Meta {
        Meta { mode: 0o755, uid: 0, gid: 0, mtime: TimeSpec::new(0, 0), xattrs: Vec::new() }
    }
}

/// What is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Directory,
    File,
    /// A regular file of which the archive holds only the parts that are not zero.
    Sparse(super::sparse::Format),
    Symlink(OsString),
    /// To another entry of the same layer.
    HardLink(PathBuf),
    Fifo,
    Device {
        block: bool,
        major: u32,
        minor: u32,
    },
}

/// One entry.
#[derive(Debug)]
pub struct Entry {
    /// Relative to the root of the layer; empty for the root itself.
    pub path: PathBuf,
    pub what: What,
    pub meta: Meta,
    /// Bytes of the file when it is made.
    pub size: u64,
}

impl Entry {
    /// `None` for what describes no file.
    pub fn read(from: &mut tar::Entry<'_, impl Read>) -> Result<Option<Entry>> {
        let pax = Pax::of(from)?;
        let name = pax.sparse_name.clone().unwrap_or_else(|| from.path_bytes().into_owned());
        if matches!(from.header().entry_type(), EntryType::XGlobalHeader) {
            return Ok(None);
        }
        let path = clean(&name)?;
        let meta = meta(from.header(), &pax).map_err(|e| refused(&path, e))?;
        let what = what(from, &pax, &path)?;
        let size = match (&what, pax.real_size) {
            (What::Sparse(_), Some(size)) => size,
            (What::File, _) => from.size(),
            _ => 0,
        };
        Ok(Some(Entry { path, what, meta, size }))
    }
}

fn what(from: &tar::Entry<'_, impl Read>, pax: &Pax, path: &Path) -> Result<What> {
    let link = || {
        let target = from.link_name_bytes().filter(|target| !target.is_empty());
        target.ok_or_else(|| refused(path, "is a link to nowhere"))
    };
    Ok(match from.header().entry_type() {
        EntryType::Regular | EntryType::Continuous if from.path_bytes().ends_with(b"/") => {
            What::Directory // as before POSIX
        }
        EntryType::Regular | EntryType::Continuous => match pax.sparse()? {
            Some(format) => What::Sparse(format),
            None => What::File,
        },
        EntryType::GNUSparse => What::File, // the tar crate puts the zeros in
        EntryType::Directory => What::Directory,
        EntryType::Symlink => What::Symlink(OsString::from_vec(link()?.into_owned())),
        EntryType::Link => What::HardLink(clean(&link()?)?),
        EntryType::Fifo => What::Fifo,
        kind @ (EntryType::Char | EntryType::Block) => device(from.header(), kind, path)?,
        kind => {
            return Err(refused(
                path,
                format!("is of type {:?}, which no layer has", kind.as_byte() as char),
            ));
        }
    })
}

fn device(header: &Header, kind: EntryType, path: &Path) -> Result<What> {
    let number = |read: std::io::Result<Option<u32>>| {
        read.map_err(damaged)?.ok_or_else(|| refused(path, "is a device without a number"))
    };
    let (major, minor) = (number(header.device_major())?, number(header.device_minor())?);
    match (kind, major, minor) {
        (EntryType::Char, 0, 0) => {
            Err(refused(path, "is a device 0/0, a whiteout of overlayfs: a layer says .wh.NAME"))
        }
        _ => Ok(What::Device { block: kind == EntryType::Block, major, minor }),
    }
}

fn meta(header: &Header, pax: &Pax) -> Result<Meta, String> {
    let told = |e: std::io::Error| format!("is damaged: {e}");
    // (uid_t)-1 means "leave it" to chown(2).
    let id = |id: u64| u32::try_from(id).ok().filter(|id| *id != u32::MAX);
    // A field that nobody filled in is zero.
    let filled = |field: &[u8], read: std::io::Result<u64>| match field
        .iter()
        .all(|c| matches!(c, 0 | b' '))
    {
        true => Ok(0),
        false => read,
    };
    let old = header.as_old();
    let owner = |word, read: std::io::Result<u64>| {
        let found = read.map_err(told)?;
        id(found).ok_or_else(|| format!("belongs to {word} {found}, which cannot be"))
    };
    let seconds = || filled(&old.mtime, header.mtime()).map(|seconds| seconds as i64).map_err(told);
    Ok(Meta {
        mode: filled(&old.mode, header.mode().map(u64::from)).map_err(told)? as u32 & 0o7777,
        uid: owner("user", filled(&old.uid, header.uid()))?,
        gid: owner("group", filled(&old.gid, header.gid()))?,
        mtime: match pax.mtime {
            Some(mtime) => mtime,
            None => TimeSpec::new(seconds()?, 0),
        },
        xattrs: pax.xattrs.clone(),
    })
}

/// What the PAX header of an entry tells beyond what the tar crate takes from it.
#[derive(Default)]
struct Pax {
    mtime: Option<TimeSpec>,
    xattrs: Vec<(CString, Vec<u8>)>,
    sparse_name: Option<Vec<u8>>,
    sparse_major: Option<u64>,
    sparse_map: Option<String>,
    real_size: Option<u64>,
}

impl Pax {
    fn of(from: &mut tar::Entry<'_, impl Read>) -> Result<Pax> {
        let mut pax = Pax::default();
        let Some(extensions) = from.pax_extensions().map_err(damaged)? else { return Ok(pax) };
        for extension in extensions {
            let extension = extension.map_err(damaged)?;
            let (key, value) = (extension.key_bytes(), extension.value_bytes());
            let text = || std::str::from_utf8(value).ok();
            let number = || text().and_then(|text| text.parse().ok());
            match key {
                b"mtime" => pax.mtime = text().and_then(time),
                b"GNU.sparse.name" => pax.sparse_name = Some(value.to_vec()),
                b"GNU.sparse.major" => pax.sparse_major = number(),
                b"GNU.sparse.map" => pax.sparse_map = text().map(str::to_string),
                b"GNU.sparse.realsize" | b"GNU.sparse.size" => pax.real_size = number(),
                _ => pax.xattrs.extend(xattr(key, value)?),
            }
        }
        Ok(pax)
    }

    fn sparse(&self) -> Result<Option<super::sparse::Format>> {
        use super::sparse::Format;
        Ok(match (self.real_size, self.sparse_major, &self.sparse_map) {
            (None, ..) => None,
            (_, Some(1), _) => Some(Format::BeforeData),
            (_, _, Some(map)) => Some(Format::InHeader(super::sparse::header_map(map)?)),
            _ => return Err(refused(Path::new("?"), "is sparse in a way that is not known here")),
        })
    }
}

/// overlayfs believes its own attributes: one that redirects a directory would lead anywhere. Labels of SELinux and the
/// NFS mappings belong to the machine where the archive was made.
fn xattr(key: &[u8], value: &[u8]) -> Result<Option<(CString, Vec<u8>)>> {
    let Some(name) = key.strip_prefix(b"SCHILY.xattr.") else { return Ok(None) };
    if name.starts_with(b"trusted.overlay.") || name.starts_with(b"user.overlay.") {
        let name = String::from_utf8_lossy(name);
        return Err(refused(Path::new(&*name), "is an attribute that only overlayfs sets"));
    }
    let foreign = [&b"security.selinux"[..], b"security.ima", b"security.evm", b"system."];
    if foreign.iter().any(|foreign| name.starts_with(foreign)) {
        return Ok(None);
    }
    Ok(CString::new(name).ok().map(|name| (name, value.to_vec())))
}

/// `1700000000.123456789`, perhaps with a minus.
fn time(word: &str) -> Option<TimeSpec> {
    let (whole, fraction) = word.split_once('.').unwrap_or((word, "0"));
    let nanos: i64 =
        format!("{fraction:0<9}").get(..9)?.parse().ok().filter(|nanos| *nanos >= 0)?;
    let seconds: i64 = whole.parse().ok()?;
    Some(match whole.starts_with('-') && nanos > 0 {
        true => TimeSpec::new(seconds.checked_sub(1)?, 1_000_000_000 - nanos),
        false => TimeSpec::new(seconds, nanos),
    })
}

/// A name of the archive as a path below the layer's root.
pub fn clean(name: &[u8]) -> Result<PathBuf> {
    let given = || PathBuf::from(OsString::from_vec(name.to_vec()));
    if name.starts_with(b"/") {
        return Err(refused(&given(), "has an absolute name"));
    }
    if name.contains(&0) {
        return Err(refused(&given(), "has a NUL byte in its name"));
    }
    let parts = name.split(|c| *c == b'/').filter(|part| !part.is_empty() && *part != b".");
    let mut path = PathBuf::new();
    for part in parts {
        if part == b".." {
            return Err(refused(&given(), "leads out of the layer by `..`"));
        }
        path.push(OsString::from_vec(part.to_vec()));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_below_the_root_or_refused() {
        assert_eq!(clean(b"./a//b/").unwrap(), Path::new("a/b"));
        assert_eq!(clean(b"./").unwrap(), Path::new(""));
        for name in [&b"/a"[..], b"..", b"a/../b", b"a/..", b"a\0b"] {
            assert!(clean(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn times_have_nanoseconds_and_may_be_before_1970() {
        assert_eq!(time("1.5"), Some(TimeSpec::new(1, 500_000_000)));
        assert_eq!(time("-1.25"), Some(TimeSpec::new(-2, 750_000_000)));
        assert_eq!(time("7"), Some(TimeSpec::new(7, 0)));
        assert_eq!((time("x"), time("1.-5")), (None, None));
    }
}
