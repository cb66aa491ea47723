//! One entry becomes a file, a link, a node or a directory, with owner, mode, attributes and times.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;

use ground::call::quietly;
use ground::{Error, Result};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{
    FchmodatFlags, Mode, SFlag, UtimensatFlags, fchmodat, fstatat, makedev, mknodat, utimensat,
};
use nix::unistd::{Gid, Uid, fchownat, linkat, symlinkat};

use super::entry::{Entry, Meta, What};
use super::tree::{NO_ROOM, Place, make_directory};
use super::{Unpacker, damaged, refused, shown, sparse};
use crate::sys;

/// Large enough that a file takes few calls.
const BUFFER: usize = 1 << 18;

impl Unpacker<'_> {
    pub(super) fn make(&mut self, entry: Entry, from: &mut impl Read) -> Result<()> {
        let Entry { path, what, meta, size } = entry;
        let place = self.tree.place(&path)?;
        let made = match &what {
            What::Directory => return self.directory(&place, &path, meta),
            _ if path.as_os_str().is_empty() => {
                return Err(refused(&path, "is the root, and no directory"));
            }
            What::HardLink(target) => return self.hard_link(&place, &path, target),
            What::File => self.file(&place, &path, |file| {
                let copied = sparse::copy(from, file, &mut vec![0; BUFFER.min(size as usize + 1)]);
                copied.map(drop).map_err(damaged)
            }),
            What::Sparse(format) => {
                self.file(&place, &path, |file| sparse::fill(from, file, format, size))
            }
            What::Symlink(target) => {
                told(&path, symlinkat(target.as_os_str(), &place.parent, place.name))
            }
            What::Fifo => {
                told(&path, mknodat(&place.parent, place.name, SFlag::S_IFIFO, Mode::S_IRUSR, 0))
            }
            What::Device { block, major, minor } => {
                self.device(&place, &path, *block, (*major, *minor))
            }
        };
        made?;
        self.dress(&place, &path, &meta, matches!(what, What::Symlink(_)))
    }

    fn file(
        &self,
        place: &Place<'_>,
        path: &Path,
        fill: impl FnOnce(&mut File) -> Result<()>,
    ) -> Result<()> {
        let flags =
            OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let made = openat(&place.parent, place.name, flags, Mode::S_IRUSR | Mode::S_IWUSR);
        let fd: OwnedFd = told(path, made)?;
        fill(&mut File::from(fd))
    }

    /// A second entry for a directory changes its owner, mode and times.
    fn directory(&mut self, place: &Place<'_>, path: &Path, meta: Meta) -> Result<()> {
        let is_root = path.as_os_str().is_empty();
        match if is_root { Ok(()) } else { make_directory(place, path) } {
            Err(e) if e.errno() == Some(Errno::EEXIST) => {
                let found = fstatat(&place.parent, place.name, AtFlags::AT_SYMLINK_NOFOLLOW);
                let is_directory =
                    |mode| SFlag::from_bits_truncate(mode) & SFlag::S_IFMT == SFlag::S_IFDIR;
                if !found.is_ok_and(|found| is_directory(found.st_mode)) {
                    return Err(refused(path, TWICE));
                }
            }
            other => other?,
        }
        // Now, and not with mode and times: a million directories with a megabyte each would be kept in memory.
        self.attributes(place, path, &meta)?;
        self.directories.insert(path.to_path_buf(), Meta { xattrs: Vec::new(), ..meta });
        Ok(())
    }

    /// To what is in the same layer, and not through a link there: AT_SYMLINK_FOLLOW is not set.
    fn hard_link(&mut self, place: &Place<'_>, path: &Path, target: &Path) -> Result<()> {
        let from = self.tree.place(target)?;
        let made = linkat(&from.parent, from.name, &place.parent, place.name, AtFlags::empty());
        match made {
            Err(Errno::ENOENT) => Err(refused(
                path,
                format!("is a hard link to {}, which is not there", shown(target)),
            )),
            Err(Errno::EPERM) => {
                Err(refused(path, format!("is a hard link to {}, a directory", shown(target))))
            }
            other => told(path, other),
        }
    }

    fn device(
        &self,
        place: &Place<'_>,
        path: &Path,
        block: bool,
        number: (u32, u32),
    ) -> Result<()> {
        let kind = if block { SFlag::S_IFBLK } else { SFlag::S_IFCHR };
        let device = makedev(number.0.into(), number.1.into());
        match mknodat(&place.parent, place.name, kind, Mode::S_IRUSR, device) {
            Err(Errno::EPERM) => {
                let e = refused(
                    path,
                    "is a device node, which takes CAP_MKNOD in the initial user namespace",
                );
                Err(e.remedy("import it as root, or leave devices out of the archive: a box gets its own /dev"))
            }
            other => told(path, other),
        }
    }

    /// The owner first: a change of owner takes set-user-ID and capabilities away.
    fn dress(&self, place: &Place<'_>, path: &Path, meta: &Meta, is_link: bool) -> Result<()> {
        let (parent, name) = (&place.parent, place.name);
        if self.is_root && (meta.uid, meta.gid) != (0, 0) {
            let (uid, gid) = (Some(Uid::from_raw(meta.uid)), Some(Gid::from_raw(meta.gid)));
            told(path, fchownat(parent, name, uid, gid, AtFlags::AT_SYMLINK_NOFOLLOW))?;
        }
        if !is_link {
            let mode = Mode::from_bits_truncate(meta.mode);
            told(path, fchmodat(parent, name, mode, FchmodatFlags::FollowSymlink))?;
        }
        self.attributes(place, path, meta)?;
        told(
            path,
            utimensat(parent, name, &meta.mtime, &meta.mtime, UtimensatFlags::NoFollowSymlink),
        )
    }

    fn attributes(&self, place: &Place<'_>, path: &Path, meta: &Meta) -> Result<()> {
        meta.xattrs.iter().try_for_each(|(name, value)| self.attribute(place, path, name, value))
    }

    fn attribute(
        &self,
        place: &Place<'_>,
        path: &Path,
        name: &std::ffi::CStr,
        value: &[u8],
    ) -> Result<()> {
        match sys::set_attribute(place.path().as_c_str(), name, value) {
            // A capability of a file is worth nothing to who is not root: he unpacks the rest.
            Err(Errno::EPERM) if !self.is_root => Ok(()),
            set => quietly(format_args!("set {} of {}", name.to_string_lossy(), shown(path)))
                .hint(
                    Errno::EOPNOTSUPP,
                    "the store is on a file system without such attributes; use --store",
                )
                .run(|| set),
        }
    }

    pub(super) fn close_directory(&mut self, path: &Path, meta: &Meta) -> Result<()> {
        let place = self.tree.place(path)?;
        self.dress(&place, path, meta, false)
    }
}

const TWICE: &str = "is there twice";

fn told<T>(path: &Path, outcome: nix::Result<T>) -> Result<T> {
    match outcome {
        Err(Errno::EEXIST) => Err(refused(path, TWICE)),
        Err(Errno::ENAMETOOLONG) => Err(refused(path, "has a name that is too long")),
        Err(Errno::ENOSPC) => {
            Err(Error::os(format_args!("unpack {}", shown(path)), Errno::ENOSPC).remedy(NO_ROOM))
        }
        outcome => quietly(format_args!("unpack {}", shown(path))).run(|| outcome),
    }
}
