//! What outlives a boot: boxes and images, in a directory of this user's own.

use std::env;
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::sys::statfs::{OVERLAYFS_SUPER_MAGIC, statfs};
use nix::unistd::{AccessFlags, access, geteuid};

use super::{PREFIX, owner, state_dir};
use crate::call::quietly;
use crate::error::{Error, Result};
use crate::needs::Need;

/// `/var/lib/bxw-UID` for root and through sudo; else `$XDG_DATA_HOME/bxw-UID`, by default below `~/.local/share`, and
/// below `/var/tmp` for who has no home. Root of a user namespace is an ordinary user here. Made when missing, and nobody
/// else may write to it.
///
/// # Errors
/// Kind `Environment` when somebody else could write there.
pub fn data_dir() -> Result<PathBuf> {
    let state = state_dir()?;
    let ours =
        state.file_name().map_or_else(|| format!("{PREFIX}-{}", owner()).into(), PathBuf::from);
    let dir = base().join(ours);
    make_private(&dir)?;
    Ok(dir)
}

fn base() -> PathBuf {
    if Need::InitialRoot.is_met() {
        return "/var/lib".into();
    }
    let data = env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let home = env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_dir());
    let home = home.filter(|home| access(home, AccessFlags::W_OK).is_ok());
    let home = home.map(|home| home.join(".local/share"));
    data.or(home).unwrap_or_else(|| "/var/tmp".into())
}

/// Whether the upper layer of an overlay can be there: not on another overlay, which the root of a container mostly is.
pub(crate) fn holds_layers() -> bool {
    let base = base();
    let kind = base.ancestors().find_map(|dir| statfs(dir).ok());
    kind.is_some_and(|kind| kind.filesystem_type() != OVERLAYFS_SUPER_MAGIC)
}

/// Makes a directory that is ours alone. One that is there must be, already: in it are other people's environments.
pub fn make_private(dir: &Path) -> Result<()> {
    let make = || DirBuilder::new().mode(0o700).recursive(true).create(dir);
    let meta = match fs::symlink_metadata(dir) {
        Err(e) if e.kind() == ErrorKind::NotFound => {
            quietly(format_args!("make directory {}", dir.display())).run(make)?;
            quietly(format_args!("lstat {}", dir.display())).run(|| fs::symlink_metadata(dir))?
        }
        other => quietly(format_args!("lstat {}", dir.display())).run(|| other)?,
    };
    if !meta.is_dir() || meta.uid() != geteuid().as_raw() || meta.mode() & 0o022 != 0 {
        let what = format!("{} is not a directory that only you can write to", dir.display());
        return Err(Error::environment(what).remedy("move it away"));
    }
    Ok(())
}
