//! Boxes of an ordinary user. Each monitor is root of a user namespace, and its box is in that; who wants something of the
//! box joins it, as it owns the box's other namespaces. See user_namespaces(7).

use std::fs;
use std::os::unix::fs::MetadataExt;

use clone_pid::Child;
use ground::call::quietly;
use ground::error::Kind;
use ground::needs::{Need, in_initial_user_namespace};
use ground::{Error, Result, rootless};
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::Pid;

use super::boxed::Boxed;
use super::record::State;

impl Boxed {
    // ANCHOR: users
    /// Its monitor becomes root of a user namespace, if it is not root: of a new one, or of that which owns the network that
    /// the box is to have.
    pub(super) fn enter_users(&self) -> Result<()> {
        if Need::Admin.is_met() {
            return Ok(());
        }
        let Some(other) = self.network_owner()? else { return rootless::enter() };
        let state = other.look()?;
        other.first(&state).map_err(|e| e.remedy("`start` it: its network is wanted"))?;
        join(&state, CloneFlags::CLONE_NEWUSER)?;
        let what = "unshare CLONE_NEWNS: mounts of its own";
        quietly(what).run(|| unshare(CloneFlags::CLONE_NEWNS))
    }
    // ANCHOR_END: users

    /// Root of one user namespace has no say over what another one owns.
    pub(super) fn shares_users(&self, state: &State, remedy: &str) -> Result<()> {
        let users = |of: &str| fs::metadata(format!("/proc/{of}/ns/user")).map(|meta| meta.ino());
        let theirs = users(&state.monitor.to_string());
        if in_initial_user_namespace()
            || theirs.is_ok_and(|it| users("self").is_ok_and(|us| us == it))
        {
            return Ok(());
        }
        let what = format!("{} is in a user namespace of its own", self.spec.name);
        Err(Error::new(Kind::Environment, what).remedy(remedy))
    }
}

/// Joins the monitor of a box. Whoever made a user namespace has every capability in it.
pub(super) fn join(state: &State, namespaces: CloneFlags) -> Result<()> {
    let monitor = Child::open(Pid::from_raw(state.monitor))?;
    quietly("setns to the user namespace of the monitor")
        .hint(Errno::EPERM, "the box is another user's")
        .run(|| setns(monitor, namespaces))
}
