//! The root file system that lessons run in when none is named: assembled from what the machine has, never downloaded.
//!
//! It holds the kit's probe, and a shell with the usual tools: busybox when installed, else copies of the host's own
//! with the libraries they need. A plan says what goes in, made by looking only; its hash is the name of the finished tree,
//! and what is there under that name is reused. Trees are built beside their final place and renamed,
//! so nobody ever sees half a tree, and of two builders the slower one takes what the faster one made.
//!
//! A tree is shared by all lessons of one user. Boxes can write into it; a tree that no longer matches its plan (somebody
//! tried `rm -rf /bin` in a box) is set aside and built anew.

mod build;
mod libraries;
mod plan;
mod store;

use std::env;
use std::path::PathBuf;

use crate::call::quietly;
use crate::error::{Error, Result};

pub use store::{Swept, sweep};

/// The probe: `$BXW_PROBE`, else `bxw-probe` beside the running executable.
///
/// # Errors
/// Kind `Environment` when it has not been built.
pub fn probe() -> Result<PathBuf> {
    let path = match env::var_os("BXW_PROBE") {
        Some(path) => PathBuf::from(path),
        None => {
            quietly("readlink /proc/self/exe").run(env::current_exe)?.with_file_name("bxw-probe")
        }
    };
    if path.is_file() {
        return Ok(path);
    }
    let what = format!("no probe at {}", path.display());
    Err(Error::environment(what)
        .remedy("`cargo xtask run lesson NN` builds it; else set BXW_PROBE"))
}

/// What a root file system must hold for the probe to run in it, as (path below the root, file of the host): the probe,
/// and its loader and libraries where it is not static.
pub fn probe_files() -> Result<Vec<(PathBuf, PathBuf)>> {
    let probe = probe()?;
    let libraries = libraries::of(&probe)?.into_iter().map(|library| (library.at, library.source));
    let below = |(at, source): (PathBuf, PathBuf)| {
        (at.strip_prefix("/").map_or(at.clone(), PathBuf::from), source)
    };
    Ok([("/bxw-probe".into(), probe)].into_iter().chain(libraries).map(below).collect())
}

/// The default root file system, built when missing (under a second) and kept from being swept as long as this process
/// lives. Everybody may read and execute what is in it, because the root of a user namespace is nobody in particular.
///
/// # Errors
/// Kind `Environment` when the probe or a library is missing, else the system call that failed.
pub fn default_rootfs() -> Result<PathBuf> {
    let plan = plan::Plan::new(&probe()?, &plan::search_path())?;
    build::tree(store::open()?, &plan)
}
