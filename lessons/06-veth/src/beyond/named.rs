//! Network namespaces with a name, as `ip netns` has them: a file in /run/netns on which the namespace is mounted. It keeps
//! the namespace alive without any process. See ip-netns(8).

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ground::call::{doing, quietly};
use ground::host::network::remove_name;
use ground::{Error, Result};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

const DIR: &str = "/run/netns";
const NONE: Option<&str> = None;

/// Where the name is. It is one component of a path.
pub fn path(name: &str) -> Result<PathBuf> {
    if name.is_empty() || name.len() > 255 || name.contains(['/', '\0']) || name.starts_with('.') {
        return Err(Error::usage(format!("{name:?} cannot name a network namespace")));
    }
    Ok(Path::new(DIR).join(name))
}

/// A name; taken away when dropped.
#[derive(Debug)]
pub struct Named(PathBuf);

impl Named {
    /// Gives a network namespace a name.
    pub fn add(name: &str, namespace: impl AsFd) -> Result<Named> {
        let at = path(name)?;
        share_directory()?;
        let shown = at.display();
        quietly(format_args!("create {shown}"))
            .hint(Errno::EEXIST, "there is a network namespace of that name; ip netns del NAME")
            .run(|| OpenOptions::new().write(true).create_new(true).mode(0o444).open(&at))?;
        let named = Named(at.clone());
        let source = PathBuf::from(format!("/proc/self/fd/{}", namespace.as_fd().as_raw_fd()));
        doing(format_args!("mount the namespace on {shown} MS_BIND"))
            .like_args(format_args!("mount --bind /proc/PID/ns/net {shown}"))
            .run(|| mount(Some(&source), &at, NONE, MsFlags::MS_BIND, NONE))?;
        Ok(named)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        // What is left is found by `clean`.
        let _ = remove_name(&self.0);
    }
}

/// Opens a namespace by its name.
pub fn open(name: &str) -> Result<File> {
    let at = path(name)?;
    quietly(format_args!("open {}", at.display()))
        .hint(Errno::ENOENT, "ip netns list shows the names that are there")
        .run(|| File::open(&at))
}

/// The names that are there.
pub fn list() -> Vec<String> {
    let entries = fs::read_dir(DIR).into_iter().flatten().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The directory must be a shared mount of its own: then a name that is taken away here goes in every mount namespace that
/// has a copy, and does not keep the namespace alive in one that nobody thinks of.
fn share_directory() -> Result<()> {
    quietly(format_args!("make directory {DIR}"))
        .run(|| DirBuilder::new().recursive(true).mode(0o755).create(DIR))?;
    let shared = MsFlags::MS_SHARED | MsFlags::MS_REC;
    quietly(format_args!("mount {DIR} MS_SHARED")).run(|| {
        match mount(NONE, DIR, NONE, shared, NONE) {
            // It is no mount yet.
            Err(Errno::EINVAL) => {
                mount(Some(DIR), DIR, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE)?;
                mount(NONE, DIR, NONE, shared, NONE)
            }
            other => other,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_component() {
        assert!(path("bxw-0-run-1-web").is_ok());
        assert!(["", ".", "..", "a/b", "../x", ".hidden"].iter().all(|name| path(name).is_err()));
    }
}
