//! The directory that is being filled: names are resolved beneath it, whatever links are in it.

use std::ffi::{CString, OsStr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ground::call::quietly;
use ground::text::path;
use ground::{Error, Result};
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::{Mode, mkdirat};

use super::{refused, shown};

/// A place to make something: an open directory, and a name in it without a slash.
pub struct Place<'a> {
    pub parent: Rc<OwnedFd>,
    pub name: &'a OsStr,
}

impl Place<'_> {
    /// A path to it for the calls that take no descriptor: only the last component is a name, and those calls do not
    /// follow it.
    pub fn path(&self) -> CString {
        let prefix = format!("/proc/self/fd/{}/", self.parent.as_raw_fd());
        let bytes = [prefix.as_bytes(), self.name.as_bytes()].concat();
        CString::new(bytes).expect("names with a NUL byte were refused")
    }
}

/// The root of a layer.
pub struct Tree {
    root: Rc<OwnedFd>,
    /// The directory that was used last: nothing here is ever replaced, so that it still has its name.
    last: Option<(PathBuf, Rc<OwnedFd>)>,
}

impl Tree {
    pub fn open(at: &Path) -> Result<Tree> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let doing = format_args!("open {}", path(at.display()));
        let root = quietly(doing).run(|| open(at, flags, Mode::empty()))?;
        Ok(Tree { root: Rc::new(root), last: None })
    }

    /// Where `path` is to be made. Its parent must be there.
    pub fn place<'a>(&mut self, path: &'a Path) -> Result<Place<'a>> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(Place { parent: self.root.clone(), name: OsStr::new(".") });
        };
        let parent = self.directory(parent).map_err(|errno| leads_out(path, errno))?;
        Ok(Place { parent, name })
    }

    /// Makes the directories above `path` that are missing, and tells which.
    pub fn missing(&mut self, path: &Path) -> Result<Vec<PathBuf>> {
        let Some(parent) = path.parent() else { return Ok(Vec::new()) };
        match self.directory(parent) {
            Ok(_) => return Ok(Vec::new()),
            Err(Errno::ENOENT) => {}
            Err(errno) => return Err(leads_out(path, errno)),
        }
        let mut made = self.missing(parent)?;
        let place = self.place(parent)?;
        make_directory(&place, parent)?;
        made.push(parent.to_path_buf());
        Ok(made)
    }

    fn directory(&mut self, at: &Path) -> nix::Result<Rc<OwnedFd>> {
        if at.as_os_str().is_empty() {
            return Ok(self.root.clone());
        }
        match &self.last {
            Some((last, directory)) if last == at => Ok(directory.clone()),
            _ => {
                let opened = Rc::new(self.resolve(at)?);
                self.last = Some((at.to_path_buf(), opened.clone()));
                Ok(opened)
            }
        }
    }

    /// Links within the layer may be followed; one that leads out, absolute or by `..`, is EXDEV. See openat2(2).
    fn resolve(&self, at: &Path) -> nix::Result<OwnedFd> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS;
        let how = OpenHow::new().flags(flags).resolve(resolve);
        loop {
            // EAGAIN: something was renamed or mounted somewhere meanwhile, and `..` could not be judged.
            match openat2(&self.root, at, how) {
                Err(Errno::EAGAIN) => {}
                other => return other,
            }
        }
    }
}

/// Open to its owner alone until it is full.
pub fn make_directory(place: &Place<'_>, path: &Path) -> Result<()> {
    quietly(format_args!("unpack directory {}", shown(path)))
        .hint(Errno::ENOSPC, NO_ROOM)
        .run(|| mkdirat(&place.parent, place.name, Mode::S_IRWXU))
}

/// What to do on a full disk.
pub const NO_ROOM: &str =
    "no room in the store: free some space, or `image prune`; nothing was kept of this image";

/// Why the directory of an entry could not be opened.
pub fn leads_out(path: &Path, errno: Errno) -> Error {
    match errno {
        Errno::EXDEV | Errno::ELOOP => {
            refused(path, "goes through a symbolic link that leads out of the layer")
        }
        Errno::ENOTDIR => refused(path, "goes through something that is not a directory"),
        Errno::ENAMETOOLONG => refused(path, "has a name that is too long"),
        Errno::ENOSYS => Error::environment("the kernel lacks openat2 (Linux 5.6)"),
        errno => Error::os(format_args!("open the directory of {}", shown(path)), errno),
    }
}
