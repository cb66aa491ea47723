//! The safety net under a lesson that runs as root.
//!
//! A learner rewrites the regions of a lesson, and a version that is not finished yet makes its calls on whatever it finds:
//! `sethostname` without a UTS namespace renames the machine, `mount` without private propagation covers the host's
//! `/proc`. So a lesson leaves the host's mount, UTS and IPC namespaces before it does anything. To its boxes this is "the
//! host"; what they do to it by mistake ends with the lesson.

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use crate::call::quietly;
use crate::error::Result;

/// Set for tests, which look at what a lesson does to the host: there the net is under the tests themselves.
const ON_HOST: &str = "BXW_ON_HOST";

/// Puts the net under a lesson.
pub fn enter() -> Result<()> {
    match std::env::var_os(ON_HOST) {
        Some(_) => Ok(()),
        None => leave_host(),
    }
}

/// Moves this single-threaded process out of the host's mount, UTS and IPC namespaces.
pub fn leave_host() -> Result<()> {
    let kinds = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWIPC;
    quietly("unshare the lesson's own namespaces").run(|| unshare(kinds))?;
    // A slave: what the host mounts still comes in, what is mounted here does not go out.
    let (none, slave) = (None::<&str>, MsFlags::MS_REC | MsFlags::MS_SLAVE);
    quietly("mount / MS_REC|MS_SLAVE").run(|| match mount(none, "/", none, slave, none) {
        // In a chroot / is no mount point: then there is nothing that propagates from it.
        Err(Errno::EINVAL) => Ok(()),
        other => other,
    })
}
