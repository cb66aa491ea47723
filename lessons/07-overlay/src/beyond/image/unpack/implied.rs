//! A directory that no entry of the archive tells of, though something is in it. Most often a layer below has it; then it
//! stays what it is there: an overlay shows the mode and owner of the uppermost, and `/tmp` would lose its 1777 or
//! `/root` its 0700 to a layer that adds one file. containerd and umoci do the same. What no layer has is 0755 and root's,
//! as in Docker, whatever the umask is.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ground::Result;
use ground::call::quietly;
use nix::sys::time::TimeSpec;

use super::entry::Meta;
use super::shown;
use crate::beyond::lookup::{find, look};

/// What `name` is to be in the layer at `layer`, which lies on those of `below`, the uppermost first.
pub fn implied(layer: &Path, below: &[PathBuf], name: &Path) -> Result<Meta> {
    let (_, hides) = look(layer, name)?;
    let found = if hides { None } else { find(below, name)? };
    let Some(number) = found else { return Ok(Meta::directory()) };
    let seen = quietly(format_args!("lstat {}", shown(name)))
        .run(|| fs::symlink_metadata(below[number].join(name)))?;
    // What was a file below is a directory from now on.
    if !seen.is_dir() {
        return Ok(Meta::directory());
    }
    let mtime = TimeSpec::new(seen.mtime(), seen.mtime_nsec());
    let mode = seen.mode() & 0o7777;
    Ok(Meta { mode, uid: seen.uid(), gid: seen.gid(), mtime, xattrs: Vec::new() })
}
