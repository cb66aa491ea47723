//! What is made once and kept: kernels, initial root directories, snapshots. All of it can be
//! made again, so the whole directory may be deleted at any time.

use std::env;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::failure::{Context, Failure, Result};

/// So many things of a kind stay; making one more removes the one not used for longest.
const KEPT: usize = 4;

/// `$XDG_CACHE_HOME/bxw-vm`, by default `~/.cache/bxw-vm`.
pub struct Cache(PathBuf);

impl Cache {
    /// Makes the directory if missing, and removes what was left half made in it.
    pub fn open() -> Result<Cache> {
        let named = |name, below: &str| {
            let path = PathBuf::from(env::var_os(name)?).join(below);
            path.is_absolute().then_some(path)
        };
        let dir = named("XDG_CACHE_HOME", "bxw-vm").or_else(|| named("HOME", ".cache/bxw-vm"));
        let dir = dir.ok_or_else(|| Failure::unusable("set HOME or XDG_CACHE_HOME"))?;
        fs::create_dir_all(&dir).doing("make directory", &dir)?;
        let cache = Cache(dir);
        cache.sweep()?;
        Ok(cache)
    }

    /// Where a thing of this name is, or would be.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The file or directory of this name; `make` makes it when it is missing. It is made under
    /// another name and renamed, so nobody sees half of it, and of two makers the first one wins.
    pub fn get(&self, name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let path = self.path(name);
        if let Ok(there) = File::open(&path) {
            // Only the order in which things are removed depends on it.
            let _ = there.set_modified(SystemTime::now());
            return Ok(path);
        }
        self.prune(name.split('-').next().unwrap_or(name))?;
        let beside = self.path(&format!(".{}.{name}", std::process::id()));
        make(&beside).inspect_err(|_| drop(remove(&beside)))?;
        match fs::rename(&beside, &path) {
            Err(_) if path.is_dir() => remove(&beside)?,
            result => result.doing("rename to", &path)?,
        }
        Ok(path)
    }

    /// Removes a thing that turned out to be bad.
    pub fn forget(&self, name: &str) -> Result<()> {
        remove(&self.path(name))
    }

    fn names(&self) -> Result<Vec<String>> {
        let entries = fs::read_dir(&self.0).doing("read directory", &self.0)?;
        Ok(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
    }

    /// Removes what makers that were killed have left.
    fn sweep(&self) -> Result<()> {
        let dead = |name: &String| {
            maker(name).is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists())
        };
        self.names()?.iter().filter(|name| dead(name)).try_for_each(|name| self.forget(name))
    }

    fn prune(&self, kind: &str) -> Result<()> {
        let mut same: Vec<(SystemTime, PathBuf)> = Vec::new();
        for name in self.names()?.into_iter().filter(|name| name.split('-').next() == Some(kind)) {
            let path = self.path(&name);
            let used = fs::metadata(&path).and_then(|m| m.modified()).doing("stat", &path)?;
            same.push((used, path));
        }
        same.sort();
        let surplus = (same.len() + 1).saturating_sub(KEPT);
        same[..surplus].iter().try_for_each(|(_, path)| remove(path))
    }
}

/// The process id in the name of something half made: `.4711.snapshot-0123`.
fn maker(name: &str) -> Option<u32> {
    name.strip_prefix('.')?.split('.').next()?.parse().ok()
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result.doing("remove", path),
    }
}

/// Sixteen digits that stand for `what`.
pub fn digest(what: impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// What changes when a file is replaced, without reading it.
pub fn identity(path: &Path) -> Result<(PathBuf, u64, i64, i64)> {
    let path = path.canonicalize().doing("find", path)?;
    let file = fs::metadata(&path).doing("stat", &path)?;
    Ok((path, file.size(), file.mtime(), file.mtime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_made_things_name_their_maker() {
        assert_eq!(maker(".4711.snapshot-0123"), Some(4711));
        assert_eq!(maker("snapshot-0123"), None);
        assert_eq!(maker(".hidden"), None);
    }
}
