//! Where images are kept: one store for all containers of a user.
//!
//! ```text
//! /var/lib/bxw-UID/images      root's (through sudo: that user's); else $XDG_DATA_HOME/bxw-UID/images
//!   oci-layout, index.json     the store is itself an OCI image layout: names → manifests
//!   blobs/sha256/HEX           manifests, configs, layers as they came: skopeo and umoci can read them in place
//!   layers/sha256/HEX          layers unpacked, by chain ID: what overlayfs stacks
//!   partial/                   blobs that are being downloaded, to be gone on with
//!   tmp/                       half-made things; nothing in it is ever used
//!   used/HEX-BOX               a link to each box that is made of an image: neither goes before the box
//!   lock                       flock: shared by whoever adds, exclusive for whoever removes
//! ```
//!
//! Whatever is in `blobs` and `layers` is whole: it was made in `tmp`, synced, and renamed. So nothing has to be repaired after a
//! crash; what a dead process left in `tmp` goes when the next one gets the lock alone. A box holds a shared lock on each
//! directory of its layers, and no prune takes it from under the box.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ground::call::quietly;
use ground::host::data::data_dir;
use ground::needs::Need;
use ground::text::path;
use ground::{Error, Result, interrupt};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::{geteuid, syncfs};

use super::digest::Digest;

const LAYOUT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
const ROOM: &str = "free some space: `image prune` removes what no name leads to";

/// A store of images.
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// Opens the store at `at`, or this user's; makes it when missing, and sweeps what dead processes left half-made.
    pub fn open(at: Option<&Path>) -> Result<Store> {
        let absolute = |at: &Path| quietly("getcwd").run(|| std::path::absolute(at));
        let store = Store { root: at.map_or_else(locate, absolute)? };
        let missing: Vec<_> = store.root.ancestors().take_while(|dir| !dir.exists()).collect();
        missing.into_iter().rev().try_for_each(make_private)?;
        store.check_owner()?;
        for dir in ["blobs/sha256", "layers/sha256", "partial", "tmp", "used"] {
            let dir = store.root.join(dir);
            quietly(format_args!("make directory {}", path(dir.display())))
                .hint(Errno::ENOSPC, ROOM)
                .run(|| fs::create_dir_all(&dir))?;
        }
        store.sweep()?;
        let layout = store.root.join("oci-layout");
        if !layout.exists() {
            let _lock = store.share()?;
            store.replace(&layout, LAYOUT.as_bytes())?;
        }
        Ok(store)
    }

    /// Its directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a blob is, or would be.
    pub fn blob(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs/sha256").join(digest.hex())
    }

    /// Where a layer is unpacked, or would be.
    pub fn layer(&self, chain: &Digest) -> PathBuf {
        self.root.join("layers/sha256").join(chain.hex())
    }

    /// Where a blob is while it is downloaded; it is kept when that breaks off, until a prune.
    pub fn partial(&self, digest: &Digest) -> PathBuf {
        self.root.join("partial").join(digest.hex())
    }

    /// The names.
    pub(super) fn index(&self) -> PathBuf {
        self.root.join("index.json")
    }

    /// A lock for whoever adds: many at a time.
    pub fn share(&self) -> Result<Flock<File>> {
        self.lock("lock", FlockArg::LockSharedNonblock)
    }

    /// A lock for whoever removes: alone. Waits until nobody adds.
    pub fn alone(&self) -> Result<Flock<File>> {
        self.lock("lock", FlockArg::LockExclusiveNonblock)
    }

    /// Waits for a lock; Ctrl-C ends the wait.
    pub(super) fn lock(&self, name: &str, how: FlockArg) -> Result<Flock<File>> {
        loop {
            if let Some(lock) = self.try_lock(name, how)? {
                return Ok(lock);
            }
            interrupt::sleep(Duration::from_millis(20));
        }
    }

    fn try_lock(&self, name: &str, how: FlockArg) -> Result<Option<Flock<File>>> {
        let at = self.root.join(name);
        let file =
            quietly(format_args!("open {}", path(at.display()))).run(|| File::create(&at))?;
        match Flock::lock(file, how) {
            Ok(lock) => Ok(Some(lock)),
            Err((_, Errno::EWOULDBLOCK | Errno::EINTR)) => Ok(None),
            Err((_, errno)) => Err(Error::os(format_args!("flock {}", at.display()), errno)),
        }
    }

    /// A directory in `tmp` to make something in. Hold [`Store::share`] for as long.
    pub fn scratch(&self) -> Result<Scratch> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // Two processes may have one number, in two PID namespaces.
        let stamp = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos());
        let name = format!("{}-{number}-{stamp:x}", std::process::id());
        let at = self.root.join("tmp").join(name);
        quietly(format_args!("make directory {}", path(at.display())))
            .hint(Errno::ENOSPC, ROOM)
            .run(|| DirBuilder::new().mode(0o700).create(&at))?;
        Ok(Scratch(at))
    }

    /// Writes a small file whole, in the place of the one that was there.
    pub(super) fn replace(&self, at: &Path, bytes: &[u8]) -> Result<()> {
        let scratch = self.scratch()?;
        let new = scratch.path().join("file");
        quietly(format_args!("write {}", path(at.display()))).hint(Errno::ENOSPC, ROOM).run(|| {
            fs::write(&new, bytes)?;
            File::open(&new)?.sync_all()?;
            fs::rename(&new, at)?;
            sync_parent(at)
        })
    }

    /// Gives a finished file or directory its name. Somebody else may have been quicker: both made the same.
    pub fn publish(&self, made: &Path, at: &Path) -> Result<()> {
        quietly(format_args!("rename to {}", path(at.display()))).run(|| {
            match fs::rename(made, at) {
                Err(e) if matches!(e.raw_os_error(), Some(libc::ENOTEMPTY | libc::EEXIST)) => {
                    Ok(())
                }
                other => other,
            }?;
            sync_parent(at)
        })
    }

    /// Everything that was written to the store's file system reaches the disk. See syncfs(2).
    pub(super) fn sync(&self) -> Result<()> {
        let file = quietly("open the store").run(|| File::open(&self.root))?;
        quietly("syncfs the store").hint(Errno::ENOSPC, ROOM).run(|| syncfs(&file))
    }

    /// Removes what dead processes left in `tmp`; while somebody else is at work there, everything stays.
    pub(super) fn sweep(&self) -> Result<usize> {
        let mut left = self.entries("tmp")?.into_iter().peekable();
        if left.peek().is_none() {
            return Ok(0);
        }
        let Some(_alone) = self.try_lock("lock", FlockArg::LockExclusiveNonblock)? else {
            return Ok(0);
        };
        left.try_fold(0, |count, entry| remove_tree(&entry).map(|()| count + 1))
    }

    /// What is in a directory of the store.
    pub(super) fn entries(&self, dir: &str) -> Result<Vec<PathBuf>> {
        let dir = self.root.join(dir);
        quietly(format_args!("list {}", path(dir.display()))).run(|| {
            fs::read_dir(&dir)?
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<io::Result<_>>()
        })
    }

    /// A store that somebody else could write to would let him choose what boxes run.
    fn check_owner(&self) -> Result<()> {
        let shown = self.root.display();
        let meta =
            quietly(format_args!("lstat {shown}")).run(|| fs::symlink_metadata(&self.root))?;
        if meta.is_dir() && meta.uid() == geteuid().as_raw() && meta.mode() & 0o077 == 0 {
            return Ok(());
        }
        let what = format!("{shown} is not a directory that only you can enter");
        Err(Error::environment(what)
            .remedy("chmod 700 it if it is yours, or name another with --store"))
    }
}

/// Half-made things: gone when dropped.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is swept when the store is next opened.
        let _ = remove_tree(&self.0);
    }
}

/// Removes a tree that a stranger described: std follows no link in it. A directory may be closed even to its owner.
pub fn remove_tree(dir: &Path) -> Result<()> {
    let is_closed = |e: &io::Error| e.kind() == io::ErrorKind::PermissionDenied;
    quietly(format_args!("remove {}", path(dir.display()))).run(|| match fs::remove_dir_all(dir) {
        Err(e) if is_closed(&e) => open_all(dir).and_then(|()| fs::remove_dir_all(dir)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => fs::remove_file(dir),
        other => other,
    })
}

fn open_all(dir: &Path) -> io::Result<()> {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_all(&entry.path())?;
        }
    }
    Ok(())
}

fn sync_parent(at: &Path) -> io::Result<()> {
    File::open(at.parent().expect("it is in the store"))?.sync_all()
}

fn make_private(dir: &Path) -> Result<()> {
    quietly(format_args!("make directory {}", path(dir.display()))).run(|| {
        match DirBuilder::new().mode(0o700).create(dir) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    })
}

/// Below [`data_dir`]. Root of a user namespace has a store of its own: it cannot read `trusted` attributes, so root's layers
/// would not look the same to it.
pub fn locate() -> Result<PathBuf> {
    Ok(data_dir()?.join("images"))
}

/// Which extended attributes overlayfs is to read: everybody may write `user`, only the real root `trusted`.
pub fn overlay_xattr(name: &str) -> String {
    let space = if Need::InitialRoot.is_met() { "trusted" } else { "user" };
    format!("{space}.overlay.{name}")
}
