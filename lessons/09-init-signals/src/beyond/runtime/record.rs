//! What is known of a box, on disk: `box.json`, which says how to make it, and `state.json`, which says how it goes.
//!
//! The first is the command line of `run`, to be understood again by the same flags: there is no second language for what a
//! box is. Both are written beside their place and renamed, so that at any moment there is a whole one.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use ground::Result;
use ground::call::quietly;
use ground::proc::read_records;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::made_of::Chosen;

/// How to make a box.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spec {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Its name; `rename` changes it, and nothing else is ever changed here.
    pub name: String,
    /// When it was made, in ns since 1970.
    pub created: u64,
    /// The flags of `run`, as they were typed.
    pub flags: Vec<Word>,
    /// Program and arguments.
    pub command: Vec<Word>,
    /// Where that was typed: what is relative in it begins here.
    pub cwd: Word,
    /// `NAME=VALUE` of `--env` and `--env-file`, with the values of then.
    pub env: Vec<String>,
    /// `--label`.
    pub labels: Vec<(String, String)>,
    /// `--rm`.
    pub auto_remove: bool,
    /// `--tty`.
    pub tty: bool,
    /// The image that `--image` meant when the box was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Chosen>,
    /// The ID of the box that `--network container:` meant then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_of: Option<String>,
}

/// A word of a command line: a string if it is UTF-8, else its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Word {
    /// Nearly always.
    Text(String),
    /// A file name can be anything.
    Bytes(Vec<u8>),
}

impl From<&OsString> for Word {
    fn from(word: &OsString) -> Word {
        match word.to_str() {
            Some(text) => Word::Text(text.to_string()),
            None => Word::Bytes(word.as_bytes().to_vec()),
        }
    }
}

impl From<&Word> for OsString {
    fn from(word: &Word) -> OsString {
        match word {
            Word::Text(text) => text.into(),
            Word::Bytes(bytes) => OsString::from_vec(bytes.clone()),
        }
    }
}

/// How it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Never started.
    #[default]
    Created,
    /// Its monitor lives, and its first process, or is about to make one.
    Running,
    /// Frozen.
    Paused,
    /// Its monitor waits before the next try.
    Restarting,
    /// It has ended.
    Exited,
}

impl Status {
    /// As Docker shows it.
    pub fn word(self) -> &'static str {
        match self {
            Status::Created => "created",
            Status::Running => "running",
            Status::Paused => "paused",
            Status::Restarting => "restarting",
            Status::Exited => "exited",
        }
    }

    /// Whether it has a monitor.
    pub fn lives(self) -> bool {
        !matches!(self, Status::Created | Status::Exited)
    }
}

/// How it goes, with all that belongs to it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// In one word.
    pub status: Status,
    /// Its first process as the host counts, and when that began: in clock ticks since the boot.
    pub pid: Option<i32>,
    /// Together they name one process.
    pub ticks: u64,
    /// The boot in which that was so.
    pub boot: String,
    /// Its parent, and the run that its groups are called after.
    pub monitor: i32,
    /// `bxw-UID-run-PID`.
    pub run: String,
    /// Whether there is somebody to attach to.
    pub attachable: bool,
    /// How it ended the last time; nothing if nobody saw it.
    pub code: Option<u8>,
    /// Whether the OOM killer took a process of it.
    pub oom_killed: bool,
    /// In ns since 1970; 0 is never.
    pub started: u64,
    /// The same for its end.
    pub finished: u64,
    /// How often it was started again by its policy.
    pub restarts: u64,
    /// Somebody wants it stopped: no policy starts it again.
    pub stopped: bool,
    /// Why it could not be started.
    pub error: String,
}

/// ns since 1970, by the wall clock. It may jump; nothing is decided by it.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

/// Reads one of the files; `None` when there is none, or nothing that can be understood: a power failure can leave that of
/// a file that nobody waited for.
pub fn read<T: DeserializeOwned>(at: &Path) -> Result<Option<T>> {
    // No room is left for more than a short read has brought.
    match read_records(at, 1) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        other => {
            let bytes = quietly(format_args!("read {}", at.display())).run(|| other)?;
            Ok(serde_json::from_slice(&bytes).ok())
        }
    }
}

/// Writes one into a directory that nobody knows yet.
pub fn furnish(at: &Path, value: &impl Serialize, durable: bool) -> Result<()> {
    let bytes = serde_json::to_vec(value).map_err(std::io::Error::from);
    let outcome = bytes.and_then(|bytes| put(at, &bytes, durable));
    quietly(format_args!("write {}", at.display())).run(|| outcome)
}

fn put(at: &Path, bytes: &[u8], durable: bool) -> std::io::Result<()> {
    let mut open = OpenOptions::new();
    let mut file = open.write(true).create(true).truncate(true).mode(0o600).open(at)?;
    file.write_all(bytes)?;
    if durable { file.sync_all() } else { Ok(()) }
}

/// Writes one. What is to survive a power failure is on the disk before it has its name.
pub fn write(at: &Path, value: &impl Serialize, durable: bool) -> Result<()> {
    let beside = at.with_extension("new");
    let bytes = serde_json::to_vec(value).map_err(std::io::Error::from);
    let written = bytes.and_then(|bytes| put(&beside, &bytes, durable));
    let outcome = written.and_then(|()| fs::rename(&beside, at));
    if outcome.is_err() {
        let _ = fs::remove_file(&beside);
    }
    quietly(format_args!("write {}", at.display())).run(|| outcome)
}

/// Makes the names in a directory survive a power failure.
pub fn sync(dir: &Path) -> Result<()> {
    quietly(format_args!("fsync {}", dir.display())).run(|| File::open(dir)?.sync_all())
}
