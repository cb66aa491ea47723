//! Settings of a network namespace that were changed for boxes: forwarding, and what the kernel changes with it. They are
//! the namespace's, and not a user's: the bridge of another user needs them as much. So there is one file for each
//! namespace that says what they were, and each box that needs them holds a shared lock on it. Whoever gets the lock alone
//! is the last, and puts them back. See flock(2): nobody who was killed is counted.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::network::{FILE, gone, here};
use super::{PREFIX, state_dir};
use crate::call::{IntoErrno, quietly};
use crate::error::{Error, Kind, Result};

/// Files below /proc/sys, and what was in them; what was changed last comes last.
pub type Before = Vec<(String, String)>;

/// What follows the prefix in the names of the files.
pub(super) const WORD: &str = "forwarding-";

/// One box's share.
#[derive(Debug)]
pub struct Share {
    _lock: Flock<File>,
}

/// Where the files are, and how their names begin: beside the state directories of all users where only root can write,
/// else in that of this user, for no other can come into his namespaces.
pub(super) fn place() -> Result<(PathBuf, String)> {
    let own = state_dir()?;
    match own.parent() {
        Some(run) if run == Path::new("/run") => Ok((run.into(), format!("{PREFIX}-{WORD}"))),
        _ => Ok((own, format!("{FILE}{WORD}"))),
    }
}

fn file() -> Result<PathBuf> {
    let (dir, name) = place()?;
    Ok(dir.join(name + &here()?))
}

impl Share {
    /// In what somebody has changed in this namespace; `None` when nobody has.
    pub fn take() -> Result<Option<Share>> {
        let file = file()?;
        loop {
            let Some(open) = opened(&file)? else { return Ok(None) };
            let lock = locked(open, FlockArg::LockShared, &file)?;
            // Whoever was the last may have removed it between the two.
            if lock.metadata().is_ok_and(|meta| meta.nlink() > 0) {
                return Ok(Some(Share { _lock: lock }));
            }
        }
    }

    /// Writes down what was before anything is changed. `None` when somebody else was quicker. The file gets its name when it
    /// is whole, and locked.
    pub fn first(before: &Before) -> Result<Option<Share>> {
        let at = file()?;
        let beside = state_dir()?.join(format!("{FILE}{WORD}{}.new", std::process::id()));
        let text = serde_json::to_vec(before).unwrap_or_default();
        let create = || {
            let mut made = File::create(&beside)?;
            made.write_all(&text).map(|()| made)
        };
        let made = quietly(format_args!("write {}", beside.display())).run(create)?;
        let lock = locked(made, FlockArg::LockShared, &beside)?;
        let linked = fs::hard_link(&beside, &at);
        quietly(format_args!("remove {}", beside.display())).run(|| fs::remove_file(&beside))?;
        match linked {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(None),
            linked => quietly(format_args!("link {}", at.display()))
                .run(|| linked)
                .map(|()| Some(Share { _lock: lock })),
        }
    }
}

/// Puts back what was changed in this namespace, unless somebody still needs it.
pub fn put_back() -> Result<()> {
    let at = file()?;
    match alone(&at)? {
        Some(lock) => put_back_of(&at, lock),
        None => Ok(()),
    }
}

/// The lock of a file that nobody shares.
pub(super) fn alone(at: &Path) -> Result<Option<Flock<File>>> {
    let Some(file) = opened(at)? else { return Ok(None) };
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, errno)) => Err(Error::os(format_args!("flock {}", at.display()), errno)),
    }
}

fn put_back_of(at: &Path, _lock: Flock<File>) -> Result<()> {
    let text = quietly(format_args!("read {}", at.display())).run(|| fs::read(at));
    let before: Before = match text {
        // Another was the last, too.
        Err(e) if e.errno() == Some(Errno::ENOENT) => return Ok(()),
        text => serde_json::from_slice(&text?).map_err(|e| {
            let what = format!("read {}: {e}", at.display());
            Error::new(Kind::Failed, what).remedy("remove it")
        })?,
    };
    // What was changed last is put back first. A link that is gone took its settings with it.
    for (file, value) in before.into_iter().rev() {
        let write = || OpenOptions::new().write(true).open(&file)?.write_all(value.as_bytes());
        quietly(format_args!("write {value} to {file}")).run(|| gone(write()))?;
    }
    quietly(format_args!("remove {}", at.display())).run(|| gone(fs::remove_file(at)))
}

fn opened(at: &Path) -> Result<Option<File>> {
    quietly(format_args!("open {}", at.display())).run(|| match File::open(at) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        other => other.map(Some).map_err(IntoErrno::into_errno),
    })
}

fn locked(file: File, how: FlockArg, at: &Path) -> Result<Flock<File>> {
    Flock::lock(file, how)
        .map_err(|(_, errno)| Error::os(format_args!("flock {}", at.display()), errno))
}
