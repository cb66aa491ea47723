//! Pause and resume.

use std::time::{Duration, Instant};

use clone_pid::{Birth, Part};
use ground::cgroup::{Controller, Frozen, Place, Version};
use ground::error::Kind;
use ground::{Error, Result, interrupt};
use nix::errno::Errno;

use crate::group::{Group, write};

// ANCHOR: freezer
/// A box that can be paused: in v1 that is a hierarchy of its own, in v2 every group can.
#[derive(Default)]
pub struct Freezer {
    group: Group,
}

impl Freezer {
    /// In this group, and not that of the run.
    pub fn of(group: &Group) -> Freezer {
        Freezer { group: group.clone() }
    }
}

impl Part for Freezer {
    fn prepare(&mut self) -> Result<()> {
        self.group.make(Controller::FREEZER).map(drop)
    }

    fn cgroups(&self) -> Result<Vec<Birth>> {
        self.group.births(Controller::FREEZER)
    }

    fn release(&mut self) -> Result<()> {
        self.group.remove(Controller::FREEZER)
    }
}

impl Group {
    /// Stops every process of the box where it is; no signal tells it. Dropping what is returned resumes it.
    pub fn pause(&self) -> Result<Paused> {
        Paused::begin(self.place(Controller::FREEZER)?)
    }
}
// ANCHOR_END: freezer

/// A box that stands still. In v1 not even SIGKILL ends it: who waits for a frozen box waits for ever, so keep this no
/// longer than the box.
#[must_use = "dropping it resumes the box"]
pub struct Paused(Option<Place>);

impl Paused {
    /// Freezes a group that another process has made.
    pub fn begin(place: Place) -> Result<Paused> {
        let paused = Paused(Some(place));
        paused.write(Frozen::Yes)?;
        paused.wait()?;
        Ok(paused)
    }

    /// One that stands still already.
    pub fn found(place: Place) -> Paused {
        Paused(Some(place))
    }

    /// Leaves it as it is: somebody else will let it run on.
    pub fn stay(mut self) {
        self.0 = None;
    }

    /// Lets the box run on.
    pub fn resume(mut self) -> Result<()> {
        self.write(Frozen::No)?;
        self.0 = None;
        Ok(())
    }

    fn write(&self, wanted: Frozen) -> Result<()> {
        let Some(place) = &self.0 else { return Ok(()) };
        let hint = (Errno::ENODEV, "the group is gone: the box has ended");
        match (place.version, wanted) {
            (Version::V1, Frozen::No) => write(place, "freezer.state", "THAWED", hint),
            (Version::V1, _) => write(place, "freezer.state", "FROZEN", hint),
            (Version::V2, Frozen::No) => write(place, "cgroup.freeze", "0", hint),
            (Version::V2, _) => write(place, "cgroup.freeze", "1", hint),
        }
    }

    /// A process stops when it next returns from the kernel; one that waits for a disk takes its time.
    fn wait(&self) -> Result<()> {
        let Some(place) = &self.0 else { return Ok(()) };
        let start = Instant::now();
        while place.frozen()? != Frozen::Yes {
            if start.elapsed() > Duration::from_secs(10) {
                let what = format!("{} does not freeze", place.shown(""));
                return Err(
                    Error::new(Kind::Failed, what).remedy("a process of it is stuck in the kernel")
                );
            }
            interrupt::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        // The group may be gone by now. What stays frozen is thawed by `clean`.
        let _ = self.write(Frozen::No);
    }
}
