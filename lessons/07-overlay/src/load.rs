//! Loads of a disk, for experiments: a box in a group that is kept, and what the kernel counted for that group.

use std::path::{Path, PathBuf};

use clone_pid::beyond::{Report, probing};
use clone_pid::{Container, Part, PidNamespace};
use ground::Result;
use ground::cgroup::{Controller, Place};
use ground::host::disk::Disk;
use ground::lesson::run_dir;
use ground::needs::Need;
use ground::story::{box_evidence, evidence, muted};
use ground::text::{device, size, time};
use memory_oom::beyond::Kept;
use overlay::beyond::traffic::Traffic;
use overlay::{IoLimit, Rate, Throttle};

use crate::stage::Mounted;

/// What experiments with loads need.
pub const LOADS: &[Need] =
    &[Need::InitialRoot, Need::Admin, Need::Clone3, Need::IoController, Need::LoopDevice];

/// MiB of the disk.
pub const DISK: u64 = 48;

/// A disk of this run's own, and a group. What is written to is the disk itself, or a file on it.
pub struct Load {
    pub kept: Kept,
    target: PathBuf,
    _mounted: Option<Mounted>,
    disk: Disk,
}

impl Load {
    /// A group for I/O, and for what else is named.
    pub fn make(word: &str, others: &[Controller]) -> Result<Load> {
        let disk = muted(|| Disk::make(word, DISK))?;
        evidence("a loop device over a file of this run", device(disk.path().display()));
        let kept = muted(|| Kept::make(word, &[&[Controller::IO], others].concat()))?;
        Ok(Load { kept, target: disk.path().into(), _mounted: None, disk })
    }

    /// The same, and an ext4 on the disk. In version 2 a page belongs to who made it dirty, but an inode as a whole is
    /// written back for one group, and the inode of a disk may have had another before: so a new file.
    pub fn with_file(word: &str, others: &[Controller]) -> Result<Load> {
        let load = Load::make(word, others)?;
        let at = run_dir()?.join(format!("{word}-ext4"));
        let mounted = Mounted::ext4(&load.disk, &at, &[], "")?;
        Ok(Load { target: at.join("file"), _mounted: Some(mounted), ..load })
    }

    /// Sets a limit of the group, in bytes or requests a second.
    pub fn limit(&self, rate: Rate, most: u64) -> Result<()> {
        let throttle = Throttle { device: self.disk.path().into(), rate, most };
        IoLimit::new(vec![throttle]).of(&self.kept.group).prepare()
    }

    /// The directory of the group.
    pub fn place(&self) -> Result<Place> {
        self.kept.place()
    }

    /// Runs a verb of the probe on the disk, in a box of the group; how many ms its calls lasted, told.
    pub fn run(&self, verb: &str, kib: u64) -> Result<u64> {
        let took = report(self.member(&format!("{verb} {} {kib}", self.target.display()))?, verb)?;
        box_evidence(format!("{verb} of {kib} KiB, ms"), time(took));
        Ok(took)
    }

    /// Requests of 4 KiB, so many.
    pub fn requests(&self, verb: &str, count: u64) -> Result<u64> {
        let script = format!("{verb} {} {} 4", self.target.display(), count * 4);
        let took = report(self.member(&script)?, verb)?;
        box_evidence(format!("{verb}, {count} requests of 4 KiB, ms"), time(took));
        Ok(took)
    }

    /// Writes and flushes in one process of the group; ms of both.
    pub fn write_and_flush(&self, kib: u64) -> Result<(u64, u64)> {
        let at = self.target.display();
        let script = format!("write-buffered {at} {kib}; flush {at}");
        let report = muted(|| Report::of(self.member(&script)?))?;
        let ms = |key: &str| Ok::<u64, ground::Error>(report.get(key)?.parse().unwrap_or(0));
        let (write, flush) = (ms("write-buffered-ms")?, ms("flush-ms")?);
        box_evidence(format!("write-buffered of {kib} KiB, ms"), time(write));
        box_evidence("fsync by the same process, ms", time(flush));
        Ok((write, flush))
    }

    /// Flushes, in a process of the group.
    pub fn flush(&self) -> Result<u64> {
        let took = report(self.flushing()?.with(self.kept.member()), "flush")?;
        box_evidence("fsync, ms", time(took));
        Ok(took)
    }

    /// Flushes in a process that is in no group of ours.
    pub fn flushed_by_another(&self) -> Result<u64> {
        let took = report(self.flushing()?, "flush")?;
        box_evidence("fsync by a process outside the group, ms", time(took));
        Ok(took)
    }

    /// A box of the group that runs a script.
    fn member(&self, script: &str) -> Result<Container> {
        muted(|| Ok(probing(script)?.with(PidNamespace).with(self.kept.member())))
    }

    fn flushing(&self) -> Result<Container> {
        muted(|| probing(&format!("flush {}", self.target.display())))
    }

    /// Takes the disk's pages out of memory.
    pub fn cool(&self) -> Result<()> {
        let script = format!("cool-file {}", self.target.display());
        muted(|| probing(&script)?.start()?.output()).map(drop)
    }

    /// Pages of the disk that are in memory, of so many.
    pub fn cached(&self) -> Result<u64> {
        cached(&self.target)
    }

    /// What the kernel counted for the group; bytes written are told.
    pub fn written(&self) -> Result<u64> {
        let place = self.place()?;
        let traffic = Traffic::of(&place, self.disk.path())?;
        let file = place.shown(Traffic::file(place.version));
        evidence(format!("{file}, written, KiB"), size(traffic.written >> 10));
        Ok(traffic.written)
    }
}

fn report(container: Container, verb: &str) -> Result<u64> {
    let report = muted(|| Report::of(container))?;
    Ok(report.get(&format!("{verb}-ms"))?.parse().unwrap_or(0))
}

/// Pages of a file that are in memory.
pub fn cached(file: &Path) -> Result<u64> {
    let container = muted(|| probing(&format!("cached {}", file.display())))?;
    let report = muted(|| Report::of(container))?;
    Ok(report.get("cached")?.parse().unwrap_or(0))
}
