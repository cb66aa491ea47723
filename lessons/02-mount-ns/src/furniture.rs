//! What else a box expects of its tree: `/dev` and `/sys`.
//!
//! Both are made anew where the kernel allows it. Where it does not, the host's is copied in
//! [`prepare`](clone_pid::Part::prepare), as long as it can be reached, and attached in `enter`.

use clone_pid::Part;
use ground::call::{doing, quietly};
use ground::{Error, Result};
use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::mount::MsFlags;

use crate::beyond::nodes;
use crate::sys::Detached;
use crate::{HARMLESS, mount_new};

// ANCHOR: dev
/// A `/dev` with the devices that every program expects, and none that reaches the machine.
#[derive(Default)]
pub struct Dev {
    of_the_host: Vec<Detached>,
}

impl Part for Dev {
    fn prepare(&mut self) -> Result<()> {
        self.of_the_host = nodes::copies()?;
        Ok(())
    }

    fn enter(&mut self) -> Result<()> {
        let no_programs = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
        mount_new("tmpfs", "/dev", no_programs, "mode=755,size=64m")?;
        match nodes::make() {
            // CAP_MKNOD counts only in the initial user namespace. Elsewhere the host's own nodes are bound.
            Err(e) if e.errno() == Some(Errno::EPERM) => nodes::bind(&self.of_the_host)?,
            other => other?,
        }
        // A new instance: its pty numbers begin at 0, and the host's terminals are not in it.
        mount_new("devpts", "/dev/pts", no_programs, "newinstance,ptmxmode=0666,mode=0620")?;
        mount_new("tmpfs", "/dev/shm", HARMLESS, "mode=1777,size=64m")?;
        nodes::message_queues()?;
        nodes::links()
    }
}
// ANCHOR_END: dev

// ANCHOR: sys
/// A `/sys` that cannot be written. See sysfs(5).
#[derive(Default)]
pub struct Sys {
    of_the_host: Option<Detached>,
}

impl Part for Sys {
    fn prepare(&mut self) -> Result<()> {
        let copy = quietly("open_tree /sys").run(|| Detached::copy("/sys"))?;
        quietly("mount_setattr MS_PRIVATE of /sys").run(|| copy.make_private())?;
        quietly("mount_setattr MOUNT_ATTR_RDONLY of /sys").run(|| copy.make_read_only())?;
        self.of_the_host = Some(copy);
        Ok(())
    }

    /// sysfs shows the devices of a network namespace, so its mounter must own that one: the root of a user namespace
    /// without one gets EPERM. And where the very same file system stands already, as with the host's root and the host's
    /// network, the kernel says EBUSY. Then it is the host's, read-only with all that is mounted below.
    fn enter(&mut self) -> Result<()> {
        let fresh = mount_new("sysfs", "/sys", HARMLESS | MsFlags::MS_RDONLY, "");
        let refused = |e: &Error| matches!(e.errno(), Some(Errno::EPERM | Errno::EBUSY));
        match (fresh, &self.of_the_host) {
            (Err(e), Some(copy)) if refused(&e) => doing("move_mount the host's /sys to /sys")
                .like("mount --rbind -o ro=recursive /sys /sys")
                .run(|| copy.attach(AT_FDCWD, "/sys")),
            (outcome, _) => outcome,
        }
    }
}
// ANCHOR_END: sys
