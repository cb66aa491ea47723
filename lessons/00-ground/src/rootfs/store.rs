//! Where trees are kept, and who uses them.
//!
//! Every process that asked for a tree holds a shared lock on the store until it ends, and so does a process that it
//! forked. The sweeper needs the exclusive lock: it never takes a tree from under a box.

use std::env;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::geteuid;

use crate::call::quietly;
use crate::error::{Error, Result};
use crate::host;

/// The store, locked for the life of this process.
pub fn open() -> Result<&'static Path> {
    static STORE: OnceLock<(PathBuf, Flock<File>)> = OnceLock::new();
    if STORE.get().is_none() {
        let store = locate()?;
        let lock = share(&store)?;
        // A second thread that came as far drops its lock again.
        let _ = STORE.set((store, lock));
    }
    let (store, _) = STORE.get().expect("was set");
    Ok(store)
}

/// What a sweep of the store did.
#[derive(Debug, PartialEq, Eq)]
pub enum Swept {
    /// There was no store.
    Nothing,
    /// All trees were removed, finished and half-built.
    Removed(PathBuf),
    /// A lesson that uses a tree is alive.
    InUse(PathBuf),
}

/// Removes every tree, unless somebody uses one.
pub fn sweep() -> Result<Swept> {
    let store = locate()?;
    let swept = sweep_at(&store)?;
    if let (Swept::Removed(_), Some(ours)) = (&swept, store.parent()) {
        // Stays when something else of the kit is in it.
        let _ = fs::remove_dir(ours);
    }
    Ok(swept)
}

fn sweep_at(store: &Path) -> Result<Swept> {
    let aside = store.with_extension("old");
    // A sweeper that was killed has left it.
    let left = aside.is_dir();
    host::sweep::remove_run(&aside)?;
    if !store.is_dir() {
        return Ok(if left { Swept::Removed(aside) } else { Swept::Nothing });
    }
    let Some(_lock) = lock(store, FlockArg::LockExclusiveNonblock)? else {
        return Ok(Swept::InUse(store.into()));
    };
    // Unmounts first: to remove files through a forgotten bind mount would be a disaster.
    host::sweep::unmount_below(store)?;
    // In one step nobody finds it any more. Whoever asks for a tree meanwhile makes a store, and a lock, of its own.
    quietly(format_args!("rename {}", store.display())).run(|| fs::rename(store, &aside))?;
    host::sweep::remove_run(&aside)?;
    Ok(Swept::Removed(store.into()))
}

/// Below the state directory, unless that is mounted `noexec` as /run is on Debian and Ubuntu: no box could then execute
/// its command.
fn locate() -> Result<PathBuf> {
    let state = host::state_dir()?;
    if may_execute(&state)? {
        return Ok(state.join("rootfs"));
    }
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = || env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
    let base = if geteuid().is_root() { Some("/var/lib".into()) } else { cache() };
    let what =
        || Error::environment(format!("{} is mounted noexec", state.display())).remedy("set HOME");
    let name = state.file_name().unwrap_or_default();
    Ok(base.ok_or_else(what)?.join(name).join("rootfs"))
}

/// The state directory goes with its last user, at any moment; it is made again on the file system of its parent.
fn may_execute(dir: &Path) -> Result<bool> {
    let ask = || match (statvfs(dir), dir.parent()) {
        (Err(Errno::ENOENT), Some(parent)) => statvfs(parent),
        (found, _) => found,
    };
    let found = quietly(format_args!("statvfs {}", dir.display())).run(ask)?;
    Ok(!found.flags().contains(FsFlags::ST_NOEXEC))
}

/// Makes the store and the directories above it that are missing. Others may look into what is made here, whatever the
/// umask; what was there before is left as it was.
fn make(store: &Path) -> Result<()> {
    let make = |dir: &&Path| match fs::create_dir(dir) {
        Ok(()) => fs::set_permissions(dir, Permissions::from_mode(0o755)),
        // Another lesson was quicker.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        failed => failed,
    };
    let doing = format_args!("make directory {}", store.display());
    let make_missing = || {
        let missing: Vec<&Path> = store.ancestors().take_while(|dir| !dir.exists()).collect();
        match missing.iter().rev().try_for_each(make) {
            // The one above was there, and went with its last user.
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            other => other.map(|()| true),
        }
    };
    for _ in 0..100 {
        if quietly(doing).run(make_missing)? {
            return Ok(());
        }
    }
    Err(Error::environment(format!("{} disappears again and again", store.display())))
}

fn share(store: &Path) -> Result<Flock<File>> {
    loop {
        make(store)?;
        if let Some(lock) = lock(store, FlockArg::LockShared)? {
            return Ok(lock);
        }
    }
}

/// Locks the file `lock` of the store. `None` when the lock is held, or a sweeper took it away before it was ours.
fn lock(store: &Path, how: FlockArg) -> Result<Option<Flock<File>>> {
    let path = store.join("lock");
    let open = || match File::create(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    };
    let Some(file) = quietly(format_args!("open {}", path.display())).run(open)? else {
        return Ok(None);
    };
    match Flock::lock(file, how) {
        Ok(lock) if is_at(&lock, &path) => Ok(Some(lock)),
        Ok(_) | Err((_, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, errno)) => Err(Error::os(format_args!("flock {}", path.display()), errno)),
    }
}

/// Whether the path still leads to this file.
fn is_at(file: &File, path: &Path) -> bool {
    let identity = |meta: fs::Metadata| (meta.dev(), meta.ino());
    let (ours, there) = (file.metadata().map(identity), fs::metadata(path).map(identity));
    ours.is_ok_and(|ours| there.is_ok_and(|there| ours == there))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_sweeper_left_is_removed() {
        let store = env::temp_dir().join(format!("bxw-aside-{}", std::process::id()));
        let aside = store.with_extension("old");
        fs::create_dir_all(aside.join("tree")).unwrap();
        assert_eq!(sweep_at(&store).unwrap(), Swept::Removed(aside.clone()));
        assert!(!aside.exists());
        assert_eq!(sweep_at(&store).unwrap(), Swept::Nothing);
    }

    #[test]
    fn a_store_in_use_is_not_swept() {
        let store = env::temp_dir().join(format!("bxw-store-{}", std::process::id()));
        let used = share(&store).unwrap();
        assert_eq!(sweep_at(&store).unwrap(), Swept::InUse(store.clone()));
        drop(used);
        assert_eq!(sweep_at(&store).unwrap(), Swept::Removed(store.clone()));
        assert!(!store.exists());
    }

    #[test]
    fn a_directory_that_was_there_keeps_its_mode() {
        let base = env::temp_dir().join(format!("bxw-base-{}", std::process::id()));
        fs::create_dir(&base).unwrap();
        fs::set_permissions(&base, Permissions::from_mode(0o700)).unwrap();
        make(&base.join("a/b")).unwrap();
        let mode = |dir: &Path| fs::metadata(dir).unwrap().mode() & 0o7777;
        assert_eq!(
            (mode(&base), mode(&base.join("a")), mode(&base.join("a/b"))),
            (0o700, 0o755, 0o755)
        );
        fs::remove_dir_all(&base).unwrap();
    }
}
