//! Readers of what the kernel says about a process: `/proc/PID/…`, see proc(5).
//!
//! Every parser takes text, so that it can be tested with text; [`Process`] reads the files.

pub mod cgroup;
pub mod idmap;
pub mod mountinfo;
pub mod ns;
pub mod status;

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::call::quietly;
use crate::error::{Error, Kind, Result};
use crate::text::{pid, without_marks};
use cgroup::Membership;
use idmap::IdMap;
use mountinfo::Mount;
use ns::Namespace;
use status::Status;

/// A process as `/proc` shows it. The number is only looked up when a file is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    dir: PathBuf,
    shown: String,
}

/// Device and inode number: the identity of a file, a directory or a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Device number, `st_dev`.
    pub dev: u64,
    /// Inode number, `st_ino`.
    pub ino: u64,
}

impl Process {
    /// The process that asks.
    pub fn this() -> Process {
        Process { dir: "/proc/self".into(), shown: "self".into() }
    }

    /// The process with this number in the PID namespace of the mounted `/proc`.
    pub fn of(number: Pid) -> Process {
        Process { dir: format!("/proc/{number}").into(), shown: pid(number).to_string() }
    }

    /// The path of one of its files, to be opened.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The path of one of its files, the number marked as a value that varies.
    pub fn file(&self, name: impl Display) -> String {
        format!("/proc/{}/{name}", self.shown)
    }

    /// Contents of one of its files.
    pub fn read(&self, name: &str) -> Result<String> {
        let bytes = quietly(format_args!("read {}", self.file(name)))
            .hint(Errno::ENOENT, "no such process; `ps` shows the running ones")
            .hint(Errno::ESRCH, "the process has ended")
            .run(|| match name {
                "status" | "uid_map" => read_records(&self.dir.join(name), SHORT_RECORD),
                _ => read_whole(&self.dir.join(name)),
            })?;
        // A process chooses its name and its arguments itself.
        Ok(without_marks(&String::from_utf8_lossy(&bytes)).into_owned())
    }

    fn parse<T>(&self, name: &str, parse: impl FnOnce(&str) -> Result<T, Malformed>) -> Result<T> {
        parse(&self.read(name)?).map_err(|e| {
            Error::new(Kind::Failed, format_args!("parse {}: {}", self.file(name), e.0))
        })
    }

    /// `status`: numbers, credentials, signals, capabilities, seccomp.
    pub fn status(&self) -> Result<Status> {
        self.parse("status", status::parse)
    }

    /// `mountinfo`: the mounts that the process sees.
    pub fn mounts(&self) -> Result<Vec<Mount>> {
        self.parse("mountinfo", mountinfo::parse)
    }

    /// `cgroup`: its group in every hierarchy.
    pub fn cgroups(&self) -> Result<Vec<Membership>> {
        self.parse("cgroup", cgroup::parse)
    }

    /// `uid_map`: what its user IDs are outside.
    pub fn uid_map(&self) -> Result<Vec<IdMap>> {
        self.parse("uid_map", idmap::parse)
    }

    /// `gid_map`: the same of its group IDs.
    pub fn gid_map(&self) -> Result<Vec<IdMap>> {
        self.parse("gid_map", idmap::parse)
    }

    /// Identity of one of its namespaces, the inode of `ns/KIND`. See namespaces(7).
    pub fn namespace(&self, kind: Namespace) -> Result<Identity> {
        self.identity(&format!("ns/{}", kind.file()))
    }

    /// Identity of its root directory.
    pub fn root(&self) -> Result<Identity> {
        self.identity("root/.")
    }

    /// Identity of the file that a link in its directory leads to.
    pub fn identity(&self, name: &str) -> Result<Identity> {
        let meta = quietly(format_args!("stat {}", self.file(name)))
            .hint(Errno::EACCES, "the process belongs to another user; run with sudo")
            .hint(Errno::ENOENT, "no such process, or a kernel without this namespace")
            .run(|| fs::metadata(self.dir.join(name)))?;
        Ok(Identity { dev: meta.dev(), ino: meta.ino() })
    }
}

/// More than a line of `uid_map` has, or a process number. A file made as one record, like `status`, needs room for one byte.
pub(crate) const SHORT_RECORD: usize = 64;

/// Contents of a file that the kernel makes up as it is read. `fs::read` asks such a file for its size and its position, is
/// told 0, and begins with 32 bytes; a page takes most of them at once.
pub fn read_whole(path: &Path) -> io::Result<Vec<u8>> {
    read_records(path, usize::MAX)
}

/// The same for a file whose records are no longer than `longest`. The kernel gives as many whole ones as there is room for,
/// see seq_file in its documentation: a read that leaves room for another one was the last, and need not be followed by one
/// that returns 0.
pub fn read_records(path: &Path, longest: usize) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let (mut bytes, mut length) = (vec![0; 4096], 0);
    loop {
        match file.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(more) => {
                length += more;
                if bytes.len() - length > longest {
                    break;
                }
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
        if length == bytes.len() {
            bytes.resize(2 * length, 0);
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// The number of every process in the mounted `/proc`, ascending.
pub fn all() -> Result<Vec<Pid>> {
    let entries = quietly("list /proc").run(|| fs::read_dir("/proc"))?;
    let mut pids: Vec<i32> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    Ok(pids.into_iter().map(Pid::from_raw).collect())
}

/// A file that does not have the form that proc(5) gives; says which line.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

/// Parses every line, and says which one was malformed.
fn lines<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, Malformed> {
    text.lines()
        .enumerate()
        .map(|(i, line)| parse(line).ok_or_else(|| Malformed(format!("line {}: {line:?}", i + 1))))
        .collect()
}
