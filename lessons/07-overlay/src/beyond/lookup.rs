//! Which layer a name is found in: overlayfs's own rule, followed by hand.

use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use ground::Result;
use ground::call::{IntoErrno, quietly};
use ground::text::path;
use nix::errno::Errno;

use crate::sys::attribute;

/// What one layer says about a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Nothing: ask the layer below.
    Absent,
    /// It was removed: ask nobody.
    Whiteout,
    /// A directory that hides those below.
    Opaque,
    /// A directory that is merged with those below.
    Directory,
    /// A file, or a link, or a device.
    File,
}

impl Entry {
    /// Looks.
    pub fn of(file: &Path) -> Result<Entry> {
        let shown = path(file.display());
        let meta =
            quietly(format_args!("lstat {shown}")).run(|| match fs::symlink_metadata(file) {
                Err(e) if e.raw_os_error().is_some_and(is_missing) => Ok(None),
                other => other.map(Some),
            })?;
        let Some(meta) = meta else { return Ok(Entry::Absent) };
        quietly(format_args!("lgetxattr {shown}")).run(|| Entry::with(file, &meta))
    }

    fn with(file: &Path, meta: &Metadata) -> nix::Result<Entry> {
        Ok(match () {
            () if is_whiteout_device(meta) => Entry::Whiteout,
            () if meta.is_dir() && overlay_attribute(file, "opaque")?.as_deref() == Some(b"y") => {
                Entry::Opaque
            }
            () if meta.is_dir() => Entry::Directory,
            // Since Linux 6.7, for who may not make device nodes: an empty file that is marked.
            () if meta.len() == 0 && overlay_attribute(file, "whiteout")?.is_some() => {
                Entry::Whiteout
            }
            () => Entry::File,
        })
    }

    /// Whether there is something to be seen.
    pub fn is_seen(self) -> bool {
        !matches!(self, Entry::Absent | Entry::Whiteout)
    }

    /// Whether the layers below have no say any more.
    fn hides_below(self) -> bool {
        !matches!(self, Entry::Absent | Entry::Directory)
    }
}

fn is_missing(errno: i32) -> bool {
    [Errno::ENOENT as i32, Errno::ENOTDIR as i32].contains(&errno)
}

fn is_whiteout_device(meta: &Metadata) -> bool {
    meta.file_type().is_char_device() && meta.rdev() == 0
}

/// `trusted.overlay.NAME`, or what stands for it in a user namespace.
pub fn overlay_attribute(file: &Path, name: &str) -> nix::Result<Option<Vec<u8>>> {
    for class in ["trusted", "user"] {
        let full = std::ffi::CString::new(format!("{class}.overlay.{name}"));
        let full = full.map_err(|_| Errno::EINVAL)?;
        if let Some(value) = attribute(file, &full)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// The first of these layers, the uppermost first, that has the name: its number. `None` when the merged tree has no such
/// name.
pub fn find(from_the_top: &[PathBuf], name: &Path) -> Result<Option<usize>> {
    for (i, layer) in from_the_top.iter().enumerate() {
        let (entry, hides) = look(layer, name)?;
        if entry.is_seen() {
            return Ok(Some(i));
        }
        if hides {
            return Ok(None);
        }
    }
    Ok(None)
}

/// What a layer says of a name, and whether it or a directory on the way hides the layers below.
pub fn look(layer: &Path, name: &Path) -> Result<(Entry, bool)> {
    let (mut at, mut hidden, mut entry) = (layer.to_path_buf(), false, Entry::Directory);
    for part in name.components().filter(|part| matches!(part, Component::Normal(_))) {
        // A link could lead to anywhere on this host.
        if entry == Entry::File {
            return Ok((Entry::Absent, true));
        }
        at.push(part);
        entry = Entry::of(&at)?;
        hidden |= entry.hides_below();
        if entry == Entry::Whiteout || entry == Entry::Absent {
            return Ok((entry, hidden));
        }
    }
    Ok((entry, hidden))
}

/// Whether a layer can be looked into at all.
pub fn is_directory(layer: &Path) -> Result<()> {
    quietly(format_args!("open layer {}", path(layer.display())))
        .hint(Errno::ENOTDIR, "a layer is a directory: unpack it first")
        .run(|| fs::read_dir(layer).map_err(IntoErrno::into_errno))
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two layers; whiteouts take privilege, and are looked at in tests/lesson_07.rs.
    fn layers(word: &str) -> Vec<PathBuf> {
        let dir = std::env::temp_dir().join(format!("bxw-lookup-{word}-{}", std::process::id()));
        for file in ["upper/a", "upper/d/x", "lower/a", "lower/b", "lower/d/y", "lower/f/z"] {
            let at = dir.join(file);
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            fs::write(at, file).unwrap();
        }
        fs::write(dir.join("upper/f"), "hides a directory").unwrap();
        vec![dir.join("upper"), dir.join("lower")]
    }

    #[test]
    fn the_uppermost_layer_that_has_a_name_is_found() {
        let layers = layers("find");
        let of = |name: &str| find(&layers, Path::new(name)).unwrap();
        assert_eq!([of("a"), of("/b"), of("d/x"), of("d/y")], [Some(0), Some(1), Some(0), Some(1)]);
        assert_eq!([of("none"), of("d/none"), of("a/none")], [None; 3]);
        // A file hides what a directory of its name holds below.
        assert_eq!(of("f/z"), None);
        fs::remove_dir_all(layers[0].parent().unwrap()).unwrap();
    }
}
