//! One group in one hierarchy.

use std::fs;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::Pid;

use super::stat::{self, Frozen};
use crate::call::quietly;
use crate::error::{Error, Kind, Result};
use crate::proc::mountinfo::Mount;
use crate::proc::{SHORT_RECORD, read_records};
use crate::text::path;

/// Which kind of hierarchy a group is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// One hierarchy for each controller, or a few.
    V1,
    /// One hierarchy for all.
    V2,
}

impl Version {
    pub(super) fn of(mount: &Mount) -> Version {
        if mount.kind == "cgroup2" { Version::V2 } else { Version::V1 }
    }

    /// `v1` or `v2`.
    pub fn word(self) -> &'static str {
        match self {
            Version::V1 => "v1",
            Version::V2 => "v2",
        }
    }
}

/// A group as a directory; it need not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The directory.
    pub dir: PathBuf,
    /// Which files it has.
    pub version: Version,
    /// Where its hierarchy is mounted.
    pub top: PathBuf,
}

impl Place {
    pub(super) fn new(dir: PathBuf, mount: &Mount) -> Place {
        Place { dir, version: Version::of(mount), top: mount.point.clone() }
    }

    /// A group in this one.
    pub fn child(&self, name: impl AsRef<Path>) -> Place {
        Place { dir: self.dir.join(name), ..self.clone() }
    }

    /// The group around this one; `None` at the root.
    pub fn parent(&self) -> Option<Place> {
        let dir = self.dir.parent().filter(|dir| dir.starts_with(&self.top))?;
        Some(Place { dir: dir.into(), ..self.clone() })
    }

    /// The path of one of its files, the directory marked as a value that varies.
    pub fn shown(&self, file: &str) -> String {
        format!("{}/{file}", path(self.dir.display()))
    }

    /// Contents of one of its files, without the newline at the end.
    pub fn read(&self, file: &str) -> Result<String> {
        let bytes = quietly(format_args!("read {}", self.shown(file)))
            .hint(Errno::ENOENT, "the group is gone, or its controller has no such file")
            .run(|| read_records(&self.dir.join(file), SHORT_RECORD))?;
        Ok(String::from_utf8_lossy(&bytes).trim_end().to_string())
    }

    /// A file that holds one number.
    pub fn number(&self, file: &str) -> Result<u64> {
        let text = self.read(file)?;
        text.parse().map_err(|_| {
            Error::new(Kind::Failed, format_args!("{}: {text:?} is no number", self.shown(file)))
        })
    }

    /// The processes in it, those in groups below not counted. A zombie is none any more.
    pub fn processes(&self) -> Result<Vec<Pid>> {
        Ok(stat::pids(&self.read("cgroup.procs")?))
    }

    /// The names of its files.
    pub fn files(&self) -> Result<Vec<String>> {
        let what = format!("list {}", path(self.dir.display()));
        let entries = quietly(what).run(|| fs::read_dir(&self.dir))?.flatten();
        let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        let mut names: Vec<_> =
            files.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Whether it is frozen, or on the way.
    pub fn frozen(&self) -> Result<Frozen> {
        match self.version {
            Version::V1 => Ok(Frozen::of_v1(&self.read("freezer.state")?)),
            Version::V2 => {
                Ok(Frozen::of_v2(&self.read("cgroup.freeze")?, &self.read("cgroup.events")?))
            }
        }
    }
}
