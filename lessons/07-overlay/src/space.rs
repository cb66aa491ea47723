//! How much a box may write. Overlayfs has no limit of its own: what is written is written to the file system that upper is
//! on, and only that can refuse.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use ground::Result;
use ground::call::{doing, quietly};
use ground::lesson::run_name;
use ground::proc::Process;
use ground::proc::mountinfo::topmost;
use ground::story::{evidence, note};
use ground::text::{count, name, path, size};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::sys;

/// So many bytes for upper and work together: `--storage-opt size=64m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpaceLimit(pub u64);

/// The limit, and how it is kept here.
#[derive(Debug)]
pub struct Space {
    limit: SpaceLimit,
    dir: PathBuf,
}

// ANCHOR: space
impl Space {
    /// For what will be made in `dir`.
    pub fn new(limit: SpaceLimit, dir: &Path) -> Space {
        Space { limit, dir: dir.into() }
    }

    /// A quota of the file system where it keeps them for projects; else a file system of its own, in memory, of that size.
    pub(crate) fn prepare(&self) -> Result<()> {
        match self.quota() {
            Ok(()) => Ok(()),
            Err(errno) => {
                note(format!(
                    "no project quota on this file system ({errno:?}): the box writes to a tmpfs, which is memory, and charged to it"
                ));
                self.tmpfs()
            }
        }
    }

    /// Whatever is made in the directory belongs to its project, and the file system counts each project's blocks.
    fn quota(&self) -> nix::Result<()> {
        let (project, SpaceLimit(bytes)) = (self.project(), self.limit);
        let dir = File::open(&self.dir).map_err(ground::call::IntoErrno::into_errno)?;
        sys::limit_project(&dir, project, bytes)?;
        sys::set_project(std::os::fd::AsFd::as_fd(&dir), project)?;
        evidence(
            format!("project {} of {}", count(project), path(self.dir.display())),
            format!("at most {bytes} bytes"),
        );
        Ok(())
    }

    fn tmpfs(&self) -> Result<()> {
        let (SpaceLimit(bytes), at) = (self.limit, path(self.dir.display()));
        let options = format!("size={bytes},mode=755");
        doing(format_args!("mount tmpfs on {at} {options}"))
            .like_args(format_args!("mount -t tmpfs -o {options} {} {at}", name(run_name())))
            .run(|| {
                let (source, kind) = (Some(run_name()), Some("tmpfs"));
                mount(source, &self.dir, kind, MsFlags::empty(), Some(options.as_str()))
            })
    }
    // ANCHOR_END: space

    pub(crate) fn release(&self) -> Result<()> {
        let mounts = Process::this().mounts()?;
        if topmost(&mounts, &self.dir).is_some_and(|mount| mount.kind == "tmpfs") {
            let flags = MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW;
            return quietly(format_args!("umount {}", path(self.dir.display())))
                .run(|| umount2(&self.dir, flags));
        }
        let (Ok(dir), project) = (File::open(&self.dir), self.project()) else { return Ok(()) };
        if let Ok(quota) = sys::project_quota(&dir, project) {
            evidence("bytes that the box has written to its layer", size(quota.used));
            quietly("quotactl: no limit any more").run(|| sys::limit_project(&dir, project, 0))?;
        }
        Ok(())
    }

    /// A number made of the directory's name: the same in whoever releases it, and far above those that people choose.
    fn project(&self) -> u32 {
        let mut hasher = DefaultHasher::new();
        self.dir.hash(&mut hasher);
        (1 << 30) | (hasher.finish() as u32 >> 2)
    }
}

/// Docker's `--storage-opt`: of its keys only `size` is known.
pub(crate) fn parse(word: &str) -> Result<SpaceLimit> {
    let usage = || ground::Error::usage("an option like size=64m");
    let value = word.strip_prefix("size=").ok_or_else(usage)?;
    match memory_oom::size::parse(value)? {
        bytes if bytes >= 1 << 16 => Ok(SpaceLimit(bytes)),
        _ => Err(ground::Error::usage("at least size=64k: below that not even a directory fits")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_dockers() {
        assert_eq!(parse("size=64m").unwrap(), SpaceLimit(64 << 20));
        for word in ["64m", "size", "size=", "size=0", "size=10", "inodes=5", "size=-1"] {
            assert!(parse(word).is_err(), "{word}");
        }
    }
}
