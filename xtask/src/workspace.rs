//! Where things are: the workspace, and the directory that cargo puts finished binaries in.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Context, Result};

/// The workspace's root directory: the parent of this package's. Cargo names that at run time, so
/// a checkout may be moved without a rebuild.
pub fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let package = package.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    package.parent().map_or(package.clone(), Path::to_path_buf)
}

/// `<target>/debug`, where lesson binaries are found. Cargo has put this very program into the
/// target directory, whatever setting named it, so nobody has to be asked. (A test executable
/// lies one level lower, in `deps`.)
pub fn bin_dir() -> PathBuf {
    let exe = env::current_exe().unwrap_or_default();
    let mut dir = exe.parent().unwrap_or(Path::new("target/debug"));
    if dir.ends_with("deps") {
        dir = dir.parent().unwrap_or(dir);
    }
    dir.with_file_name("debug")
}

/// The target directory itself.
pub fn target_dir() -> PathBuf {
    bin_dir().with_file_name("")
}

/// `<target>/xtask`, made if missing: what a run of xtask keeps for the next one.
pub fn state_dir() -> Result<PathBuf> {
    let dir = bin_dir().with_file_name("xtask");
    fs::create_dir_all(&dir).doing("make directory", &dir)?;
    Ok(dir)
}

/// A path as a reader wants to see it: relative to the workspace when it lies in there.
pub fn shown(path: &Path) -> String {
    let root = root();
    path.strip_prefix(&root).unwrap_or(path).display().to_string()
}
