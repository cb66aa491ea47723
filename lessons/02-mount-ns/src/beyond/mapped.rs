//! A mount whose files belong to the users of another user namespace.

use std::os::fd::{AsFd, OwnedFd};

use ground::call::doing;
use ground::{Error, Result};
use nix::errno::Errno;

use crate::sys::Detached;

/// Gives a mount that nobody sees yet the maps of a user namespace.
///
/// # Errors
/// Kind `Usage` without one; EINVAL when the file system does not take part, EPERM without privilege over it.
pub fn map_ids(copy: &Detached, user_namespace: Option<&OwnedFd>) -> Result<()> {
    let Some(namespace) = user_namespace else {
        let what = "idmap: the box has the users of its host";
        return Err(Error::usage(what).remedy("08-caps run --userns private gives it its own"));
    };
    doing("mount_setattr MOUNT_ATTR_IDMAP AT_RECURSIVE")
        .like("mount --rbind -o X-mount.idmap=/proc/PID/ns/user …")
        .hint(
            Errno::EINVAL,
            "this file system, or one mounted below it, has no mounts with other owners",
        )
        .hint(
            Errno::EPERM,
            "only who has CAP_SYS_ADMIN where the file system was mounted may do that: run as root",
        )
        .run(|| copy.map_ids(namespace.as_fd()))
}
