//! What else a box expects of its tree: `/dev` and `/sys`.
//!
//! Both are made anew where the kernel allows it. In a user namespace it does not: then the host's are copied in
//! [`prepare`](clone_pid::Part::prepare), as long as they can be reached, and attached in `enter`. Not elsewhere: a copy that
//! is thrown away costs a millisecond, for the kernel waits until nobody can be looking at it any more.

use clone_pid::Part;
use ground::Result;
use ground::call::{doing, quietly};
use ground::needs::{Need, in_initial_user_namespace};
use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::mount::MsFlags;

use crate::beyond::nodes;
use crate::sys::{Detached, make_read_only};
use crate::{HARMLESS, mount_new};

// ANCHOR: dev
/// A `/dev` with the devices that every program expects, and none that reaches the machine.
#[derive(Default)]
pub struct Dev {
    lent: bool,
    of_the_host: Vec<Detached>,
}

impl Dev {
    /// For a box with a user namespace of its own: the host lends it its nodes.
    pub fn lent() -> Dev {
        Dev { lent: true, ..Dev::default() }
    }
}

impl Part for Dev {
    fn prepare(&mut self) -> Result<()> {
        if self.lent || !Need::Mknod.is_met() {
            self.of_the_host = nodes::copies()?;
        }
        Ok(())
    }

    fn enter(&mut self) -> Result<()> {
        let no_programs = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
        mount_new("tmpfs", "/dev", no_programs, "mode=755,size=64m")?;
        match nodes::make() {
            // CAP_MKNOD counts only in the initial user namespace. Elsewhere the host's own nodes are bound.
            Err(e) if e.errno() == Some(Errno::EPERM) && !self.of_the_host.is_empty() => {
                nodes::bind(&self.of_the_host)?
            }
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
    lent: bool,
    of_the_host: Option<Detached>,
}

impl Sys {
    /// For a box with a user namespace of its own: the host lends it its `/sys`.
    pub fn lent() -> Sys {
        Sys { lent: true, ..Sys::default() }
    }
}

impl Part for Sys {
    fn prepare(&mut self) -> Result<()> {
        if !self.lent && in_initial_user_namespace() {
            return Ok(());
        }
        let copy = quietly("open_tree /sys").run(|| Detached::copy("/sys"))?;
        quietly("mount_setattr MS_PRIVATE of /sys").run(|| copy.make_private())?;
        quietly("mount_setattr MOUNT_ATTR_RDONLY of /sys").run(|| copy.make_read_only())?;
        self.of_the_host = Some(copy);
        Ok(())
    }

    /// sysfs shows the devices of a network namespace, so its mounter must own that one: the root of a user namespace
    /// without one gets EPERM. And where the very same file system stands already, as with the host's root and the host's
    /// network, the kernel says EBUSY: then that one is made read-only, with all that is mounted below.
    fn enter(&mut self) -> Result<()> {
        let fresh = mount_new("sysfs", "/sys", HARMLESS | MsFlags::MS_RDONLY, "");
        match (fresh.as_ref().map_err(|e| e.errno()), &self.of_the_host) {
            (Err(Some(Errno::EPERM | Errno::EBUSY)), Some(copy)) => {
                doing("move_mount the host's /sys to /sys")
                    .like("mount --rbind -o ro=recursive /sys /sys")
                    .run(|| copy.attach(AT_FDCWD, "/sys"))
            }
            (Err(Some(Errno::EBUSY)), None) => {
                doing("mount_setattr /sys MOUNT_ATTR_RDONLY AT_RECURSIVE")
                    .like("mount -o remount,bind,ro=recursive /sys")
                    .run(|| make_read_only("/sys"))
            }
            _ => fresh,
        }
    }
}
// ANCHOR_END: sys
