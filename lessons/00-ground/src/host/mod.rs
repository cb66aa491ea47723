//! What the kit leaves on a host: nothing.
//!
//! Whatever a lesson makes outside its boxes stands below the state directory or carries the prefix [`PREFIX`], and has
//! an owner: a [`Run`], which holds a lock for as long as it lives. Guards remove it on every way out; after a `SIGKILL`
//! the lock is free, and [`sweep`] finds the rest. Prefix and state directory carry the user's number, so thirty people
//! can share one host and `clean` never touches a neighbour's.

pub mod data;
pub mod disk;
pub mod forwarding;
pub mod groups;
pub mod hierarchy;
pub mod network;
pub mod picture;
pub mod sweep;

use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::{AccessFlags, Uid, access, getuid};

use crate::call::quietly;
use crate::error::{Error, Result};

/// Every name that the kit gives to an object of the host begins with this.
pub const PREFIX: &str = "bxw";

/// The user for whom the kit runs: whoever called sudo, else the real user.
pub fn owner() -> Uid {
    let through_sudo = std::env::var("SUDO_UID").ok().and_then(|uid| uid.parse().ok());
    match through_sudo {
        Some(uid) if getuid().is_root() => Uid::from_raw(uid),
        _ => getuid(),
    }
}

/// The state directory of this user: `/run/bxw-UID` for root and through sudo, where only root can write; without root, or
/// as that of a user namespace, `$XDG_RUNTIME_DIR/bxw-UID` or `/tmp/bxw-UID`, which must then be ours alone.
pub fn state_dir() -> Result<PathBuf> {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    if let Some(dir) = DIR.get() {
        return Ok(dir.clone());
    }
    let dir = state_base().join(format!("{PREFIX}-{}", owner()));
    make_private(&dir)?;
    Ok(DIR.get_or_init(|| dir).clone())
}

/// The directory of a run of this user, by its name, `bxw-UID-run-PID`. The name may come from a box.
pub fn dir_of(run: &str) -> Result<Option<PathBuf>> {
    let state = state_dir()?;
    let tag = format!("{}-", state.file_name().unwrap_or_default().display());
    let dir = run.strip_prefix(&tag).filter(|dir| {
        let number = dir.strip_prefix("run-").unwrap_or_default();
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    Ok(dir.map(|dir| state.join(dir)))
}

/// Where state directories stand. Root of a user namespace may find that `/run` is somebody else's.
fn state_base() -> PathBuf {
    if getuid().is_root() && access("/run", AccessFlags::W_OK).is_ok() {
        return "/run".into();
    }
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    runtime.filter(|dir| dir.is_absolute() && dir.is_dir()).unwrap_or_else(|| "/tmp".into())
}

/// Makes `dir` when missing. In a directory that others write to it could be a stranger's, or a link: refused.
fn make_private(dir: &Path) -> Result<()> {
    quietly(format_args!("make directory {}", dir.display())).run(|| {
        match DirBuilder::new().mode(0o755).create(dir) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    })?;
    let found = quietly(format_args!("lstat {}", dir.display())).run(|| fs::symlink_metadata(dir));
    let meta = match found {
        // A run that ended just now has taken it along.
        Err(e) if e.errno() == Some(Errno::ENOENT) => return make_private(dir),
        found => found?,
    };
    if !meta.is_dir() || meta.uid() != getuid().as_raw() || meta.mode() & 0o022 != 0 {
        let what = format!("{} is not a directory that only you can write to", dir.display());
        return Err(Error::environment(what).remedy("remove it, or set XDG_RUNTIME_DIR"));
    }
    Ok(())
}

/// A running lesson, as the sweeper sees it: a directory with a lock that dies with its holder.
pub struct Run {
    name: String,
    dir: PathBuf,
    _lock: Flock<File>,
}

impl Run {
    /// Registers this process. The directory is made under a name that the sweeper passes over, and renamed when locked:
    /// at no moment does it look dead.
    pub fn begin() -> Result<Run> {
        let name = format!("run-{}", std::process::id());
        let dir = state_dir()?.join(&name);
        let nascent = dir.with_extension("new");
        make_nascent(&nascent)?;
        let lock = lock(&nascent)?
            .ok_or_else(|| Error::environment(format!("{} is locked", nascent.display())))?;
        let renamed = match fs::rename(&nascent, &dir) {
            // Left by a dead process that had our number.
            Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => {
                sweep::remove_remains(&dir)?;
                fs::rename(&nascent, &dir)
            }
            other => other,
        };
        quietly(format_args!("rename {}", nascent.display())).run(|| renamed)?;
        Ok(Run { name, dir, _lock: lock })
    }

    /// Its name: `bxw-UID-run-PID`. Boxes carry it in their environment as `container=NAME`.
    pub fn name(&self) -> String {
        // Not owner(): inside a user namespace that would be somebody else.
        let ours = self.dir.parent().and_then(Path::file_name).unwrap_or_default();
        format!("{}-{}", ours.display(), self.name)
    }

    /// A directory for what the lesson makes; removed with everything in it.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// The state directory goes with its last user: that may be right now. Once this one is in it, it stays.
fn make_nascent(nascent: &Path) -> Result<()> {
    let state = nascent.parent().unwrap_or(nascent);
    for _ in 0..100 {
        match fs::create_dir(nascent) {
            Err(e) if e.kind() == ErrorKind::NotFound => make_private(state)?,
            Err(e) if e.kind() == ErrorKind::AlreadyExists => sweep::remove_run(nascent)?,
            made => {
                return quietly(format_args!("make directory {}", nascent.display())).run(|| made);
            }
        }
    }
    Err(Error::environment(format!("{} disappears again and again", state.display())))
}

impl Drop for Run {
    fn drop(&mut self) {
        // Mostly there is nothing but the lock. What cannot be removed now is found by `clean`; a guard must not panic.
        let _ = fs::remove_file(self.dir.join("lock"));
        if fs::remove_dir(&self.dir).is_err() {
            let _ = sweep::remove_run(&self.dir);
        }
        // Goes with the last run, unless a root file system is cached in it.
        let _ = self.dir.parent().map(fs::remove_dir);
    }
}

/// Whether somebody holds the lock of a run's directory. Looking makes nothing: its owner may just be removing it.
fn is_locked(dir: &Path) -> bool {
    let Ok(file) = File::open(dir.join("lock")) else { return false };
    matches!(Flock::lock(file, FlockArg::LockExclusiveNonblock), Err((_, Errno::EWOULDBLOCK)))
}

/// The lock of a run's directory: `None` while another process holds it. See flock(2).
fn lock(dir: &Path) -> Result<Option<Flock<File>>> {
    let path = dir.join("lock");
    let file = quietly(format_args!("open {}", path.display())).run(|| File::create(&path))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, errno)) => Err(Error::os(format_args!("flock {}", path.display()), errno)),
    }
}
