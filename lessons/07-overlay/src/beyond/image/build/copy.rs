//! `COPY`: files of the context become an archive, and that a layer. Nothing runs, and nothing is mounted to be written to.
//!
//! Where a file goes is asked of the layers so far, mounted read-only: `/bin/tool` is `/usr/bin/tool` where `/bin` is a
//! link. Directories that are there keep owner and mode, so the archive repeats them.

use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use ground::call::quietly;
use ground::text::path;
use ground::{Error, Result};
use tar::{EntryType, Header};

use super::ignore::{Ignored, matches, parts};
use super::target::{Below, Target, written};
use crate::beyond::image::blob::{Attentive, open_regular};

/// What a `COPY` takes, and what it makes of it.
pub struct Copy<'a> {
    context: &'a Path,
    ignored: &'a Ignored,
    owner: (u64, u64),
    mode: Option<u32>,
}

impl<'a> Copy<'a> {
    pub fn new(
        context: &'a Path,
        ignored: &'a Ignored,
        flags: &[(String, String)],
    ) -> Result<Copy<'a>> {
        let mut copy = Copy { context, ignored, owner: (0, 0), mode: None };
        for (flag, value) in flags {
            let wrong = |what| Error::usage(format!("--{flag}={value}: {what}"));
            if flag == "chmod" {
                let mode = u32::from_str_radix(value, 8).ok().filter(|mode| *mode <= 0o7777);
                copy.mode = Some(mode.ok_or_else(|| wrong("an octal number is known here"))?);
                continue;
            }
            let (user, group) = value.split_once(':').unwrap_or((value, value));
            let ids = user.parse::<u32>().ok().zip(group.parse::<u32>().ok());
            let (uid, gid) = ids.ok_or_else(|| wrong("numbers UID:GID are known here"))?;
            copy.owner = (uid.into(), gid.into());
        }
        Ok(copy)
    }

    /// Writes the archive: what `sources` name, at `to`.
    pub fn archive(
        &self,
        sources: &[String],
        to: &str,
        lowers: Vec<PathBuf>,
        dir: &Path,
    ) -> Result<PathBuf> {
        let below = Below::mount(lowers, dir)?;
        let mut target = Target::begin(&below, dir)?;
        let found =
            sources.iter().map(|source| self.find(source)).collect::<Result<Vec<_>>>()?.concat();
        let into = to.ends_with('/') || found.len() > 1 || to.ends_with("/.");
        for named in &found {
            let source = &self.within(named)?;
            let meta = stat(&self.context.join(source))?;
            let name = named.file_name().filter(|_| into || below.is_dir(Path::new(to)));
            match (meta.is_dir(), name) {
                // Of a directory the content is copied, not the directory itself.
                (true, _) => self.directory(&mut target, source, Path::new(to))?,
                (false, Some(name)) => {
                    self.entry(&mut target, source, &Path::new(to).join(name))?
                }
                (false, None) => self.entry(&mut target, source, Path::new(to))?,
            }
        }
        target.finish()
    }

    /// What is named itself may be a link, as long as it leads to something in the context.
    fn within(&self, named: &Path) -> Result<PathBuf> {
        let at = self.context.join(named);
        let real =
            quietly(format_args!("resolve {}", path(at.display()))).run(|| at.canonicalize())?;
        let within = real.strip_prefix(self.context).map(Path::to_path_buf);
        within.map_err(|_| Error::usage(format!("{} leads out of the context", named.display())))
    }

    /// The paths of the context that a word of `COPY` means.
    fn find(&self, word: &str) -> Result<Vec<PathBuf>> {
        let pattern = parts(word);
        if pattern.iter().any(|part| part == "..") {
            return Err(Error::usage(format!("{word:?} leads out of the context")));
        }
        let mut found = vec![PathBuf::new()];
        for part in &pattern {
            let next =
                found.into_iter().map(|dir| self.names(&dir, part)).collect::<Result<Vec<_>>>()?;
            found = next.concat();
        }
        found.retain(|path| {
            path.as_os_str().is_empty() || !self.ignored.has(path) || self.ignored.has_exceptions()
        });
        match found.is_empty() {
            true => Err(Error::usage(format!("there is no {word:?} in the context"))
                .remedy("look into .dockerignore, too")),
            false => Ok(found),
        }
    }

    fn names(&self, dir: &Path, pattern: &str) -> Result<Vec<PathBuf>> {
        if !pattern.contains(['*', '?']) {
            let path = dir.join(pattern);
            return Ok(if self.context.join(&path).symlink_metadata().is_ok() {
                vec![path]
            } else {
                vec![]
            });
        }
        let fits = |name: &PathBuf| {
            matches(pattern, &name.file_name().unwrap_or_default().to_string_lossy())
        };
        if !self.context.join(dir).is_dir() {
            return Ok(Vec::new());
        }
        Ok(list(self.context, dir)?.into_iter().filter(fits).collect())
    }

    fn directory(&self, target: &mut Target<'_>, source: &Path, to: &Path) -> Result<()> {
        target.parents(to)?;
        for name in list(self.context, source)? {
            let to = to.join(name.file_name().unwrap_or_default());
            let meta = stat(&self.context.join(&name))?;
            if self.ignored.has(&name) && !(meta.is_dir() && self.ignored.has_exceptions()) {
                continue;
            }
            match meta.is_dir() {
                true => {
                    target.directory(&to, &self.header(&meta, EntryType::Directory))?;
                    self.directory(target, &name, &to)?;
                }
                false => self.entry(target, &name, &to)?,
            }
        }
        Ok(())
    }

    fn entry(&self, target: &mut Target<'_>, source: &Path, to: &Path) -> Result<()> {
        let at = self.context.join(source);
        let (meta, kind) = (stat(&at)?, stat(&at)?.file_type());
        target.parents(to.parent().unwrap_or(Path::new("/")))?;
        let to = target.below.real(to)?;
        if kind.is_symlink() {
            let link = quietly(format_args!("readlink {}", path(at.display())))
                .run(|| fs::read_link(&at))?;
            let mut header = self.header(&meta, EntryType::Symlink);
            return written(target.tar.append_link(&mut header, &to, link));
        }
        if !kind.is_file() {
            let kind = if kind.is_socket() { "a socket" } else { "a device or a FIFO" };
            return Err(Error::usage(format!(
                "{} is {kind}: it cannot be copied",
                source.display()
            )));
        }
        let mut header = self.header(&meta, EntryType::Regular);
        header.set_size(meta.len());
        written(target.tar.append_data(&mut header, &to, Attentive(open_regular(&at)?)))
    }

    fn header(&self, meta: &Metadata, kind: EntryType) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(self.mode.unwrap_or(meta.mode() & 0o7777));
        header.set_uid(self.owner.0);
        header.set_gid(self.owner.1);
        header.set_mtime(u64::try_from(meta.mtime()).unwrap_or(0));
        header.set_size(0);
        header
    }
}

/// The archive of a directory that `WORKDIR` names; `None` when it is there.
pub fn missing_directory(to: &Path, lowers: Vec<PathBuf>, dir: &Path) -> Result<Option<PathBuf>> {
    let below = Below::mount(lowers, dir)?;
    if below.is_dir(to) {
        drop(below);
        quietly("remove a step's directory").run(|| fs::remove_dir_all(dir))?;
        return Ok(None);
    }
    let mut target = Target::begin(&below, dir)?;
    target.parents(to)?;
    target.finish().map(Some)
}

fn stat(at: &Path) -> Result<Metadata> {
    quietly(format_args!("lstat {}", path(at.display()))).run(|| fs::symlink_metadata(at))
}

/// What is in a directory of the context, sorted, relative to the context.
fn list(context: &Path, dir: &Path) -> Result<Vec<PathBuf>> {
    let at = context.join(dir);
    let read = || {
        fs::read_dir(&at)?
            .map(|entry| Ok(dir.join(entry?.file_name())))
            .collect::<std::io::Result<Vec<_>>>()
    };
    let mut names = quietly(format_args!("list {}", path(at.display()))).run(read)?;
    names.sort();
    Ok(names)
}
