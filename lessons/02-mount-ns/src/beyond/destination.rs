//! Where in the box a volume goes: found, or made, without leaving the box's root directory.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ground::call::quietly;
use ground::text::path;
use ground::{Error, Result};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{Mode, SFlag, fstat, mkdirat, mknodat};

use crate::sys::Detached;

/// The root directory on the host's side of the clone. As long as the box has the same, nothing may be made in it: that
/// would stay.
#[derive(Default)]
pub struct HostRoot(Option<(u64, u64)>);

impl HostRoot {
    /// This process's own.
    pub fn here() -> Result<HostRoot> {
        Ok(HostRoot(Some(root()?)))
    }

    fn is_ours(&self) -> Result<bool> {
        Ok(self.0 == Some(root()?))
    }
}

/// Device and inode of the root directory.
fn root() -> Result<(u64, u64)> {
    let root = quietly("stat /").run(|| fs::metadata("/"))?;
    Ok((root.dev(), root.ino()))
}

/// Opens the destination of a volume, which is made when the box lacks it.
pub fn open(destination: &Path, volume: &Detached, host: &HostRoot) -> Result<OwnedFd> {
    let is_dir = quietly("fstat the volume").run(|| volume.is_dir())?;
    let target = match look_up(destination) {
        Err(e) if e.errno() == Some(Errno::ENOENT) => {
            refuse_on_host(destination, host)?;
            make(destination, is_dir)?
        }
        other => other?,
    };
    check(&target, destination, is_dir)?;
    Ok(target)
}

/// The kernel looks a path up below the root of this process; here it also refuses magic links, for `/proc/self/fd/N` in
/// an image could lead back to the host's tree.
fn look_up(at: &Path) -> Result<OwnedFd> {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_NO_MAGICLINKS);
    quietly(format_args!("open {} in the box", path(at.display())))
        .hint(
            Errno::ELOOP,
            "a link of /proc, or a circle of links, cannot be in a volume's destination",
        )
        .run(|| openat2(AT_FDCWD, at, how))
}

fn refuse_on_host(at: &Path, host: &HostRoot) -> Result<()> {
    if !host.is_ours()? {
        return Ok(());
    }
    let what = format!("the volume's destination {} does not exist", path(at.display()));
    Err(Error::usage(what).remedy(
        "this box still has the host's root directory, in which nothing is made: choose one that \
         exists, such as /mnt",
    ))
}

/// Makes what is missing on the way, each in the directory just opened: who swaps a symlink in meanwhile gains nothing.
fn make(destination: &Path, is_dir: bool) -> Result<OwnedFd> {
    let mut way: Vec<_> = destination.ancestors().collect();
    way.reverse();
    let mut here = look_up(Path::new("/"))?;
    for step in way {
        here = match look_up(step) {
            Err(e) if e.errno() == Some(Errno::ENOENT) => {
                make_one(&here, step, is_dir || step != destination)?;
                look_up(step)?
            }
            other => other?,
        };
    }
    Ok(here)
}

fn make_one(parent: &OwnedFd, at: &Path, directory: bool) -> Result<()> {
    let name = at.file_name().unwrap_or_default();
    let (dir_mode, file_mode) = (Mode::from_bits_truncate(0o755), Mode::from_bits_truncate(0o644));
    quietly(format_args!("make {} in the box", path(at.display())))
        .hint(Errno::EEXIST, "it is a symlink that leads nowhere")
        .run(|| match directory {
            true => mkdirat(parent, name, dir_mode),
            false => mknodat(parent, name, SFlag::S_IFREG, file_mode, 0),
        })
}

/// A file on a directory, or the reverse, is refused by the kernel with a bare EINVAL; and what is mounted over its root
/// directory a process does not see.
fn check(target: &OwnedFd, at: &Path, is_dir: bool) -> Result<()> {
    let stat = quietly("fstat the volume's destination").run(|| fstat(target))?;
    let target_is_dir = stat.st_mode & libc::S_IFMT == libc::S_IFDIR;
    let word = |is_dir| if is_dir { "a directory" } else { "a file" };
    let (found, remedy) = if target_is_dir != is_dir {
        (word(target_is_dir), format!("its source is {}; both must be of one kind", word(is_dir)))
    } else if (stat.st_dev, stat.st_ino) == root()? {
        ("the box's root directory", "choose one below it".to_string())
    } else {
        return Ok(());
    };
    let what = format!("the volume's destination {} is {found}", path(at.display()));
    Err(Error::usage(what).remedy(remedy))
}
