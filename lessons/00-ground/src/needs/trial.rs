//! A need is best known by trying: in a forked child that has namespaces of its own and ends without having executed
//! anything, so that what it made ends with it.

use std::fs;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid, getgid, getuid, setgid, setgroups, setuid};

use super::{in_initial_user_namespace, is_admin};
use crate::sys;

/// As whom to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// As this process is: with its capabilities if it may make namespaces, else in a user namespace of its own.
    Caller,
    /// As an ordinary user, in a user namespace of its own: what `--rootless` does. Root becomes `nobody` for it.
    Ordinary,
}

/// Namespaces to be made, and what is then tried in them.
#[derive(Clone, Copy)]
pub struct Trial {
    namespaces: CloneFlags,
    always_rootless: bool,
    attempt: fn() -> nix::Result<()>,
}

/// User and group `nobody`.
const NOBODY: u32 = 65534;

impl Trial {
    /// Root of a user namespace of an ordinary user can mount.
    pub const USER_NAMESPACE: Trial =
        Trial { namespaces: CloneFlags::CLONE_NEWNS, always_rootless: true, attempt: mount_tmpfs };
    /// An overlay can be mounted.
    pub const OVERLAY: Trial = Trial {
        namespaces: CloneFlags::CLONE_NEWNS,
        always_rootless: false,
        attempt: mount_overlay,
    };

    /// Something in a network namespace.
    pub const fn network(attempt: fn() -> nix::Result<()>) -> Trial {
        Trial { namespaces: CloneFlags::CLONE_NEWNET, always_rootless: false, attempt }
    }

    /// Tries it.
    pub fn attempt(&self, who: Who) -> nix::Result<()> {
        let ordinary = self.always_rootless || who == Who::Ordinary;
        // Root of a user namespace is an ordinary user already.
        let drops_root = ordinary && getuid().is_root() && in_initial_user_namespace();
        let in_user_namespace = ordinary || !is_admin();
        let Trial { namespaces, attempt, .. } = *self;
        sys::in_child(move || {
            if drops_root {
                become_nobody()?;
            }
            if in_user_namespace {
                enter_user_namespace()?;
            }
            unshare(namespaces)?;
            attempt()
        })
    }
}

fn become_nobody() -> nix::Result<()> {
    setgroups(&[])?;
    setgid(Gid::from_raw(NOBODY))?;
    setuid(Uid::from_raw(NOBODY))?;
    // The change of user made /proc/self root's, and uid_map is in it.
    nix::sys::prctl::set_dumpable(true)
}

/// As [`crate::rootless::enter`], in silence.
fn enter_user_namespace() -> nix::Result<()> {
    let (uid, gid) = (getuid(), getgid());
    unshare(CloneFlags::CLONE_NEWUSER)?;
    write("/proc/self/setgroups", "deny")?;
    write("/proc/self/uid_map", &format!("0 {uid} 1"))?;
    write("/proc/self/gid_map", &format!("0 {gid} 1"))
}

fn write(file: &str, text: &str) -> nix::Result<()> {
    fs::write(file, text).map_err(errno)
}

fn errno(e: std::io::Error) -> nix::errno::Errno {
    crate::call::IntoErrno::into_errno(e)
}

/// On `/tmp`, in a mount namespace from which nothing propagates.
fn mount_tmpfs() -> nix::Result<()> {
    let nothing = None::<&str>;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
    mount(Some("tmpfs"), "/tmp", Some("tmpfs"), MsFlags::empty(), nothing)
}

fn mount_overlay() -> nix::Result<()> {
    mount_tmpfs()?;
    for dir in ["/tmp/lower", "/tmp/upper", "/tmp/work", "/tmp/merged"] {
        fs::create_dir(dir).map_err(errno)?;
    }
    let options = Some("lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work");
    mount(Some("overlay"), "/tmp/merged", Some("overlay"), MsFlags::empty(), options)
}
