//! The filter too early.

use caps::{CapSet, Privileges, Seccomp};
use chroot::Rootfs;
use clone_pid::{Container, IpcNamespace, PidNamespace};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, muted, step};
use mount_ns::{MountNamespace, Proc};
use nix::errno::Errno;

use crate::attack::{PROBE, root};

pub const EXPERIMENT: Experiment = Experiment {
    name: "order-seccomp",
    title: "a filter before pivot_root forbids pivot_root",
    level: Level::Deep,
    claims: &["C237"],
    needs: &[Need::Admin, Need::Clone3, Need::Seccomp],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "Every capability is kept; the default filter comes before the root file system is sealed",
    );
    let early = outcome(true)?;
    box_evidence("the box", early.as_deref().unwrap_or("runs"));
    step("…and after it");
    let late = outcome(false)?;
    box_evidence("the box", late.as_deref().unwrap_or("runs"));
    let matters = early.is_some() && late.is_none();
    if matters {
        conclude("who makes a box must still be allowed what the box is not: the filter is last");
    }
    findings.holds("C237", !matters);
    Ok(())
}

/// The error with which the box ended, if it did.
fn outcome(early: bool) -> Result<Option<String>> {
    let filter = || -> Result<Privileges> {
        let filter = Seccomp::default_profile(CapSet::DEFAULT)?;
        Ok(Privileges::keep(CapSet::available()?).seccomp(filter))
    };
    let container = Container::new(&[PROBE, "pid"])?
        .with(PidNamespace)
        .with(IpcNamespace)
        .with(early.then(filter).transpose()?)
        .with(MountNamespace::private())
        .with(Rootfs::new(root()?))
        .with(Proc)
        .with((!early).then(filter).transpose()?)
        .capture()?;
    match muted(|| container.start()?.output()) {
        Ok(_) => Ok(None),
        Err(e) if e.errno() == Some(Errno::EPERM) => Ok(Some(first_words(&e.to_string()))),
        Err(e) => Err(e),
    }
}

/// Operation and errno.
pub fn first_words(error: &str) -> String {
    error.splitn(3, ": ").take(2).collect::<Vec<_>>().join(": ")
}
