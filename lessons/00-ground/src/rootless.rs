//! `--rootless`: the lesson becomes root of a user namespace of its own, as `unshare --user --map-root-user --mount` does.
//!
//! In it the lesson has every capability, over the namespaces that it makes from then on and over nothing else. What
//! belongs to the whole machine (device nodes, the host's mounts, other users' processes) stays out of reach. Who has
//! subordinate IDs (`/etc/subuid`) and newuidmap(1) has them in it, too. How user namespaces work is lesson 08.

pub mod subordinate;

use std::fs;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid, getgid, getuid};

use crate::call::{doing, quietly};
use crate::error::Result;
use crate::needs::Need;
use crate::story;
use subordinate::Writer;

/// Moves the calling, single-threaded process into a new user and mount namespace where its user is root.
pub fn enter() -> Result<()> {
    let (uid, gid) = (getuid(), getgid());
    let writer = Writer::start(uid, gid)?;
    doing("unshare CLONE_NEWUSER|CLONE_NEWNS")
        .like("unshare --user --map-root-user --mount")
        .hint(Errno::EPERM, Need::UserNamespaces.remedy())
        .hint(Errno::ENOSPC, "raise user.max_user_namespaces")
        .run(|| unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS))?;
    match writer {
        Some(writer) => writer.write()?,
        None => map_oneself(uid, gid)?,
    }
    if story::listening() {
        story::note(
            "rootless: you are root in a user namespace of your own, and nobody new outside",
        );
    }
    Ok(())
}

/// The map that needs nobody's leave.
fn map_oneself(uid: Uid, gid: Gid) -> Result<()> {
    // An ordinary user may map groups only after giving up setgroups(2), else it could leave a group that denies access.
    write("setgroups", "deny")?;
    write("uid_map", &format!("0 {uid} 1"))?;
    write("gid_map", &format!("0 {gid} 1"))
}

fn write(file: &str, text: &str) -> Result<()> {
    quietly(format_args!("write {text:?} to /proc/self/{file}"))
        .hint(Errno::EPERM, "AppArmor or seccomp forbids it; `cargo xtask doctor` tells")
        .run(|| fs::write(format!("/proc/self/{file}"), text))
}
