//! Where the files of a `COPY` go: the layers so far as one tree, and the archive of what is to lie over it.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io::{BufWriter, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ground::Result;
use ground::call::quietly;
use ground::text::path;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::mount::{MntFlags, umount2};
use nix::sys::stat::Mode;
use tar::{Builder, EntryType, Header};

use crate::Layers;
use crate::beyond::image::pack::source_date_epoch;
use crate::beyond::image::unpack::NO_ROOM;

/// The archive that is being written.
pub struct Target<'a> {
    pub below: &'a Below,
    pub tar: Builder<BufWriter<File>>,
    at: PathBuf,
    /// Directories that are in it.
    done: BTreeSet<PathBuf>,
    newest: Option<u64>,
}

impl<'a> Target<'a> {
    pub fn begin(below: &'a Below, dir: &Path) -> Result<Target<'a>> {
        let at = dir.join("layer.tar");
        let file =
            quietly(format_args!("create {}", path(at.display()))).run(|| File::create_new(&at))?;
        let tar = Builder::new(BufWriter::with_capacity(1 << 17, file));
        Ok(Target { below, tar, at, done: BTreeSet::new(), newest: source_date_epoch()? })
    }

    /// Puts a directory and all above it into the archive: as they are, if they are there.
    pub fn parents(&mut self, dir: &Path) -> Result<()> {
        let mut new = Header::new_gnu();
        new.set_entry_type(EntryType::Directory);
        new.set_mode(0o755);
        new.set_uid(0);
        new.set_gid(0);
        new.set_mtime(self.newest.unwrap_or(0));
        self.directory(dir, &new)
    }

    pub fn directory(&mut self, to: &Path, new: &Header) -> Result<()> {
        let real = match self.below.dir(to) {
            Some((real, _)) => real,
            None => self.below.real(to)?,
        };
        let mut above: Vec<_> =
            real.ancestors().filter(|dir| !dir.as_os_str().is_empty()).collect();
        above.reverse();
        above.into_iter().try_for_each(|dir| self.one_directory(dir, new))
    }

    fn one_directory(&mut self, real: &Path, new: &Header) -> Result<()> {
        if !self.done.insert(real.to_path_buf()) {
            return Ok(());
        }
        let mut header = new.clone();
        if let Some((_, Some(meta))) = self.below.dir(real) {
            header.set_mode(meta.mode() & 0o7777);
            header.set_uid(meta.uid().into());
            header.set_gid(meta.gid().into());
            header.set_mtime(u64::try_from(meta.mtime()).unwrap_or(0));
        }
        header.set_size(0);
        written(self.tar.append_data(&mut header, real, std::io::empty()))
    }

    pub fn finish(self) -> Result<PathBuf> {
        written(self.tar.into_inner().and_then(|mut to| to.flush()))?;
        Ok(self.at)
    }
}

/// The layers so far as one tree, which nobody writes to.
pub struct Below {
    at: PathBuf,
    root: OwnedFd,
}

impl Below {
    pub fn mount(mut lowers: Vec<PathBuf>, dir: &Path) -> Result<Below> {
        let (at, empty) = (dir.join("merged"), dir.join("empty"));
        for dir in [&at, &empty] {
            quietly(format_args!("make directory {}", path(dir.display())))
                .run(|| fs::create_dir(dir))?;
        }
        lowers.insert(0, empty); // the kernel refuses an overlay of one
        let layers = Layers::read_only(lowers);
        match layers.mount()? {
            Some(mount) => quietly("move_mount the layers").run(|| mount.attach(AT_FDCWD, &at))?,
            None => layers.mount_on(&at, dir)?,
        }
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = quietly("open the layers").run(|| open(&at, flags, Mode::empty()));
        match root {
            Ok(root) => Ok(Below { at, root }),
            Err(e) => {
                let _ = umount2(&at, MntFlags::MNT_DETACH);
                Err(e)
            }
        }
    }

    pub fn is_dir(&self, to: &Path) -> bool {
        self.dir(to).is_some()
    }

    /// A directory as the box would find it, links resolved within the root; and where it really is.
    fn dir(&self, to: &Path) -> Option<(PathBuf, Option<Metadata>)> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let resolve = ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS;
        let fd = openat2(&self.root, to, OpenHow::new().flags(flags).resolve(resolve)).ok()?;
        let real = fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).ok()?;
        let real = real.strip_prefix(&self.at).ok()?.to_path_buf();
        Some((real, File::from(fd).metadata().ok()))
    }

    /// Where something new would be: the part of the way that is there, links resolved, and the rest.
    pub fn real(&self, to: &Path) -> Result<PathBuf> {
        let (Some(parent), Some(name)) = (to.parent(), to.file_name()) else {
            return Ok(PathBuf::new());
        };
        Ok(match self.dir(parent) {
            Some((real, _)) => real.join(name),
            None => self.real(parent)?.join(name),
        })
    }
}

impl Drop for Below {
    fn drop(&mut self) {
        // It is this process's own, and ends with it.
        let _ = umount2(&self.at, MntFlags::MNT_DETACH);
    }
}

/// What became of writing to the archive.
pub fn written<T>(outcome: std::io::Result<T>) -> Result<T> {
    quietly("write the layer's archive").hint(Errno::ENOSPC, NO_ROOM).run(|| outcome)
}
