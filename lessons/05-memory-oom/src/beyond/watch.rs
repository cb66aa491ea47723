//! The kernel's notice that a group is out of memory, as it happens: for whoever cannot wait until the box has ended.

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use ground::Result;
use ground::call::{doing, quietly};
use ground::cgroup::{Place, Version};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};

/// v1 counts up an eventfd(2) that was registered for `memory.oom_control`; v2 wakes whoever polls `memory.events`.
pub struct OomWatch {
    woken_by: OwnedFd,
    flags: PollFlags,
}

impl OomWatch {
    /// From now on. In v2 every change of `memory.events` wakes, a charge that met the limit, too.
    pub fn on(place: &Place) -> Result<OomWatch> {
        match place.version {
            Version::V1 => {
                let event =
                    quietly("eventfd").run(|| EventFd::from_flags(EfdFlags::EFD_CLOEXEC))?;
                register(place, event.as_fd())?;
                Ok(OomWatch { woken_by: event.into(), flags: PollFlags::POLLIN })
            }
            Version::V2 => {
                let what = format!("open {}", place.shown("memory.events"));
                let mut file = quietly(what).run(|| File::open(place.dir.join("memory.events")))?;
                // What was read through this descriptor is known; only what comes later wakes.
                let what = format!("read {}", place.shown("memory.events"));
                quietly(what).run(|| file.read_to_string(&mut String::new()))?;
                Ok(OomWatch { woken_by: file.into(), flags: PollFlags::POLLPRI })
            }
        }
    }

    /// Whether the kernel says something before `patience` ends.
    pub fn wakes_within(&self, patience: Duration) -> Result<bool> {
        let timeout = PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(self.woken_by.as_fd(), self.flags)];
        let ready = quietly("poll for the kernel's notice").run(|| poll(&mut fds, timeout))?;
        Ok(ready > 0)
    }
}

fn register(place: &Place, event: BorrowedFd) -> Result<()> {
    let control = place.dir.join("memory.oom_control");
    let shown = place.shown("cgroup.event_control");
    doing(format_args!("write an eventfd and memory.oom_control to {shown}"))
        .like_args(format_args!("echo \"EVENTFD 9\" > {shown} 9< memory.oom_control"))
        .hint(Errno::EINVAL, "this kernel has no such notices any more")
        .run(|| {
            let control = File::open(&control)?;
            let numbers = format!("{} {}", event.as_raw_fd(), control.as_raw_fd());
            fs::write(place.dir.join("cgroup.event_control"), numbers)
        })
}
