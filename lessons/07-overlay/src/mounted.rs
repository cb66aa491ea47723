//! What demo and experiments mount on the host, and unmount when they are done.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ground::call::{doing, quietly};
use ground::host::disk::Disk;
use ground::story::{self, muted};
use ground::text::device;
use ground::{Error, Result};
use mount_ns::mount_new;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use overlay::Layers;

/// An overlay, or what lies below one; unmounted when dropped.
pub struct Mounted(PathBuf);

impl Mounted {
    /// On a directory of the stage. The steps are the demo's; here they are one line.
    pub fn on(at: &str, layers: &Layers) -> Result<Mounted> {
        let outcome = muted(|| match layers.mount()? {
            Some(mount) => quietly(format_args!("move_mount to {at}"))
                .run(|| mount.attach(nix::fcntl::AT_FDCWD, at)),
            None => mount_at_once(at, layers),
        });
        let result = match &outcome {
            Ok(()) => "ok".to_string(),
            Err(e) => e.errno().map_or("an error".into(), |errno| format!("{errno:?}")),
        };
        let words = layers.words();
        let shell = format!("mount -t overlay overlay -o {words} {at}");
        story::call(format_args!("overlay on {at}: {words}"), Some(&shell), &result);
        outcome.and_then(|()| Mounted::here(at))
    }

    /// A file system of its own, in memory.
    pub fn tmpfs(at: &str, options: &str) -> Result<Mounted> {
        mount_new("tmpfs", at, MsFlags::empty(), options)?;
        Mounted::here(at)
    }

    /// An ext4, made on a disk of this run and mounted.
    pub fn ext4(disk: &Disk, at: &Path, features: &[&str], options: &str) -> Result<Mounted> {
        let made = quietly("run mkfs.ext4")
            .run(|| Command::new("mkfs.ext4").arg("-q").args(features).arg(disk.path()).output())?;
        if !made.status.success() {
            return Err(Error::environment(String::from_utf8_lossy(&made.stderr).trim()));
        }
        quietly("make directory").run(|| fs::create_dir_all(at))?;
        let source = device(disk.path().display());
        let option = if options.is_empty() { String::new() } else { format!("-o {options} ") };
        doing(format_args!("mount ext4 {option}{source}"))
            .like_args(format_args!("mkfs.ext4 {source}; mount {option}{source} …"))
            .run(|| mount(Some(disk.path()), at, Some("ext4"), MsFlags::empty(), Some(options)))?;
        Ok(Mounted(quietly("find the mount").run(|| fs::canonicalize(at))?))
    }

    /// What is mounted there already.
    pub fn here(at: &str) -> Result<Mounted> {
        Ok(Mounted(quietly(format_args!("find {at}")).run(|| fs::canonicalize(at))?))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW);
    }
}

/// mount(2) may need another working directory; the experiment goes on in this one.
fn mount_at_once(at: &str, layers: &Layers) -> Result<()> {
    let here = quietly("getcwd").run(std::env::current_dir)?;
    let outcome = layers.mount_on(&here.join(at), &here);
    quietly("chdir back").run(|| std::env::set_current_dir(&here))?;
    outcome
}
