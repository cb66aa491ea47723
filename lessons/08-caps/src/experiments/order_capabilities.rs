//! Capabilities too early.

use caps::{CapSet, Privileges};
use chroot::Rootfs;
use clone_pid::{Container, Part, PidNamespace};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, muted, step};
use mount_ns::{MountNamespace, Proc};
use nix::errno::Errno;

use super::order_seccomp::first_words;
use crate::attack::{PROBE, root};

pub const EXPERIMENT: Experiment = Experiment {
    name: "order-capabilities",
    title: "capabilities dropped before the mounts are missing for the mounts",
    level: Level::Deep,
    claims: &["C237"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("The default set is kept, all else dropped, before /proc is mounted");
    let early = outcome(true)?;
    box_evidence("the box", early.as_deref().unwrap_or("runs"));
    step("…and after it");
    let late = outcome(false)?;
    box_evidence("the box", late.as_deref().unwrap_or("runs"));
    let matters = early.is_some() && late.is_none();
    if matters {
        conclude("mount(2) asks for CAP_SYS_ADMIN: furnish first, then give it up");
    }
    findings.holds("C237", !matters);
    Ok(())
}

/// Gives up in `enter` what belongs into `seal`.
struct Early(Privileges);

impl Part for Early {
    fn enter(&mut self) -> Result<()> {
        self.0.seal()
    }
}

/// The error with which the box ended, if it did.
fn outcome(early: bool) -> Result<Option<String>> {
    let privileges = || -> Result<Privileges> {
        Ok(Privileges::keep(CapSet::DEFAULT.and(CapSet::available()?)))
    };
    let container = Container::new(&[PROBE, "pid"])?
        .with(PidNamespace)
        .with(MountNamespace::private())
        .with(Rootfs::new(root()?))
        .with(early.then(privileges).transpose()?.map(Early))
        .with(Proc)
        .with((!early).then(privileges).transpose()?)
        .capture()?;
    match muted(|| container.start()?.output()) {
        Ok(_) => Ok(None),
        Err(e) if e.errno() == Some(Errno::EPERM) => Ok(Some(first_words(&e.to_string()))),
        Err(e) => Err(e),
    }
}
