//! A directory of changes becomes a layer's archive: what overlayfs wrote to an upper directory, said in the words of the
//! image spec. The way back from [`mod@super::unpack`].
//!
//! The same tree gives the same bytes: names are sorted, and no time is later than `SOURCE_DATE_EPOCH`, when that is set.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, OsStr};
use std::fs::{self, File, Metadata};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use ground::call::quietly;
use ground::error::Kind;
use ground::{Error, Result, interrupt};
use nix::errno::Errno;
use nix::sys::stat::{major, minor};
use tar::{Builder, EntryType, Header};

use super::blob::Attentive;
use super::store::overlay_xattr;
use crate::sys;

/// Writes the archive of a directory.
pub fn pack(root: &Path, to: impl Write) -> Result<()> {
    let newest = source_date_epoch()?;
    let mut packer = Packer { tar: Builder::new(to), links: BTreeMap::new(), newest };
    packer.directory(root, Path::new(""))?;
    let finished = packer.tar.into_inner().and_then(|mut to| to.flush());
    written(finished)
}

/// The moment that reproducible builds pretend it is. See reproducible-builds.org/specs/source-date-epoch.
pub fn source_date_epoch() -> Result<Option<u64>> {
    let Some(word) = std::env::var_os("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let parsed = word.to_str().and_then(|word| word.parse().ok());
    let wrong = || Error::usage(format!("SOURCE_DATE_EPOCH={word:?} is not a number of seconds"));
    parsed.map(Some).ok_or_else(wrong)
}

struct Packer<W: Write> {
    tar: Builder<W>,
    /// Device and inode of files with several names, and the first name.
    links: BTreeMap<(u64, u64), PathBuf>,
    newest: Option<u64>,
}

impl<W: Write> Packer<W> {
    fn directory(&mut self, root: &Path, dir: &Path) -> Result<()> {
        let at = root.join(dir);
        let list = || {
            fs::read_dir(&at)?
                .map(|entry| Ok(entry?.file_name()))
                .collect::<std::io::Result<Vec<_>>>()
        };
        let mut names = quietly(format_args!("list {}", at.display())).run(list)?;
        names.sort();
        for name in names {
            self.entry(root, &dir.join(name))?;
        }
        Ok(())
    }

    fn entry(&mut self, root: &Path, name: &Path) -> Result<()> {
        interrupt::check();
        let at = root.join(name);
        let meta =
            quietly(format_args!("lstat {}", at.display())).run(|| fs::symlink_metadata(&at))?;
        let kind = meta.file_type();
        if kind.is_char_device() && meta.rdev() == 0 {
            return self.whiteout(name);
        }
        let attributes = attributes(&at)?;
        let key = (meta.dev(), meta.ino());
        if let Some(first) = self.links.get(&key).filter(|_| !meta.is_dir()) {
            let target = first.clone();
            return self.append(name, &meta, EntryType::Link, Some(target.as_os_str()), &[]);
        }
        if meta.nlink() > 1 {
            self.links.insert(key, name.to_path_buf());
        }
        match () {
            () if kind.is_dir() => {
                self.append(name, &meta, EntryType::Directory, None, &attributes)?;
                if opaque(&at)? {
                    self.empty(&name.join(".wh..wh..opq"))?;
                }
                self.directory(root, name)
            }
            () if kind.is_file() => self.file(&at, name, &meta, &attributes),
            () if kind.is_symlink() => {
                let target = quietly(format_args!("readlink {}", at.display()))
                    .run(|| fs::read_link(&at))?;
                self.append(name, &meta, EntryType::Symlink, Some(target.as_os_str()), &attributes)
            }
            () if kind.is_fifo() => self.append(name, &meta, EntryType::Fifo, None, &attributes),
            () if kind.is_char_device() => {
                self.append(name, &meta, EntryType::Char, None, &attributes)
            }
            () if kind.is_block_device() => {
                self.append(name, &meta, EntryType::Block, None, &attributes)
            }
            // A socket is nothing without the process that listens.
            () => Ok(()),
        }
    }

    fn whiteout(&mut self, name: &Path) -> Result<()> {
        let file = [b".wh.", name.file_name().unwrap_or_default().as_bytes()].concat();
        self.empty(&name.with_file_name(OsStr::from_bytes(&file)))
    }

    fn empty(&mut self, name: &Path) -> Result<()> {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(0);
        written(self.tar.append_data(&mut header, name, std::io::empty()))
    }

    fn file(
        &mut self,
        at: &Path,
        name: &Path,
        meta: &Metadata,
        attributes: &[(String, Vec<u8>)],
    ) -> Result<()> {
        self.extensions(attributes)?;
        let file = quietly(format_args!("open {}", at.display())).run(|| File::open(at))?;
        let mut header = self.header(meta, EntryType::Regular);
        header.set_size(meta.len());
        written(self.tar.append_data(&mut header, name, Attentive(file)))
    }

    fn append(
        &mut self,
        name: &Path,
        meta: &Metadata,
        kind: EntryType,
        target: Option<&OsStr>,
        attributes: &[(String, Vec<u8>)],
    ) -> Result<()> {
        self.extensions(attributes)?;
        let mut header = self.header(meta, kind);
        if matches!(kind, EntryType::Char | EntryType::Block) {
            let numbers = (major(meta.rdev()) as u32, minor(meta.rdev()) as u32);
            written(
                header
                    .set_device_major(numbers.0)
                    .and_then(|()| header.set_device_minor(numbers.1)),
            )?;
        }
        match target {
            Some(target) => written(self.tar.append_link(&mut header, name, target)),
            None => written(self.tar.append_data(&mut header, name, std::io::empty())),
        }
    }

    fn extensions(&mut self, attributes: &[(String, Vec<u8>)]) -> Result<()> {
        let pairs = attributes.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
        if attributes.is_empty() { Ok(()) } else { written(self.tar.append_pax_extensions(pairs)) }
    }

    fn header(&self, meta: &Metadata, kind: EntryType) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(meta.mode() & 0o7777);
        header.set_uid(meta.uid().into());
        header.set_gid(meta.gid().into());
        header.set_size(0);
        let mtime = u64::try_from(meta.mtime()).unwrap_or(0);
        header.set_mtime(self.newest.map_or(mtime, |newest| mtime.min(newest)));
        header
    }
}

/// Its extended attributes as PAX keys, sorted; without those of overlayfs, and those of this machine.
fn attributes(at: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let names =
        quietly(format_args!("llistxattr {}", at.display())).run(|| sys::attribute_names(at))?;
    let names = names.split_inclusive(|byte| *byte == 0);
    let mut found = Vec::new();
    for name in names.filter_map(|name| CStr::from_bytes_with_nul(name).ok()) {
        let word = name.to_string_lossy();
        if word.contains("overlay.redirect") || word.contains("overlay.metacopy") {
            let what = format!("{} is only a reference to a lower layer", at.display());
            return Err(
                Error::new(Kind::Failed, what).remedy("mount with redirect_dir=off,metacopy=off")
            );
        }
        if ["trusted.overlay.", "user.overlay.", "security.selinux", "system."]
            .iter()
            .any(|foreign| word.starts_with(foreign))
        {
            continue;
        }
        found.push((format!("SCHILY.xattr.{word}"), value(at, name)?));
    }
    found.sort();
    Ok(found)
}

/// Of an attribute that has just been listed.
fn value(at: &Path, name: &CStr) -> Result<Vec<u8>> {
    quietly(format_args!("lgetxattr {}", name.to_string_lossy()))
        .run(|| sys::attribute(at, name)?.ok_or(Errno::ENODATA))
}

fn opaque(at: &Path) -> Result<bool> {
    let name = CString::new(overlay_xattr("opaque")).expect("it has no NUL byte");
    let value =
        quietly(format_args!("lgetxattr {}", at.display())).run(|| sys::attribute(at, &name))?;
    Ok(value.as_deref() == Some(b"y"))
}

fn written<T>(outcome: std::io::Result<T>) -> Result<T> {
    quietly("write the layer's archive").hint(Errno::ENOSPC, super::unpack::NO_ROOM).run(|| outcome)
}
