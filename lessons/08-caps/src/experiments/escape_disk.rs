//! The host's disk, read past every mount.

use std::io::Write;
use std::os::unix::fs::MetadataExt;

use ground::Result;
use ground::call::quietly;
use ground::host::disk::Disk;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{evidence, muted};
use ground::text::device;
use nix::sys::stat::{major, minor};

use crate::attack::{self, Escape, Outcome, Protection, SECRET, boxed, sealed, twice};

pub const EXPERIMENT: Experiment = Experiment {
    name: "escape-disk",
    title: "a privileged box makes a node for the host's disk and reads it",
    level: Level::Deep,
    claims: &["C176", "C238"],
    needs: &[Need::Mknod, Need::Clone3, Need::LoopDevice],
    run,
};

pub const ESCAPE: Escape = Escape {
    name: "mknod of a disk",
    known: "--privileged",
    open: "a box with every capability, and no rule about devices",
    closed: "device rules",
    needs: &[Need::Mknod, Need::LoopDevice],
    attempt,
};

fn run(findings: &mut Findings) -> Result<()> {
    let closed = twice(&ESCAPE, findings)?;
    findings.holds("C176", closed);
    Ok(())
}

/// The "host's disk" is one that the lesson makes for it, with a line of text on it.
fn attempt(protection: Protection) -> Result<Outcome> {
    let disk = muted(|| Disk::make("disk", 1))?;
    let node = quietly("stat the disk").run(|| disk.path().metadata())?.rdev();
    write(&disk)?;
    let (major, minor) = (major(node), minor(node));
    let number = format!("{major}:{minor}");
    evidence("the disk", device(&number));
    let script = format!("mknod /tmp/disk b {major} {minor}; first-line /tmp/disk");
    let container = sealed(boxed(&["script", &script])?, protection)?;
    let text = attack::run_marking(container, &number, device(&number));
    let _ = std::fs::remove_file(attack::root()?.join("tmp/disk"));
    Ok(Outcome::by_secret(&text?))
}

fn write(disk: &Disk) -> Result<()> {
    quietly("write to the disk").run(|| {
        let mut device = std::fs::OpenOptions::new().write(true).open(disk.path())?;
        device.write_all(format!("{SECRET}\n").as_bytes())?;
        device.sync_all()
    })
}
