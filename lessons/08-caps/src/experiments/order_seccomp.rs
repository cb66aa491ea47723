//! The filter too early.

use caps::{CapSet, Privileges, Seccomp};
use chroot::Rootfs;
use clone_pid::{Container, IpcNamespace, PidNamespace};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use mount_ns::{MountNamespace, Proc};

use crate::attack::{PROBE, root};
use crate::order::compare;

pub const EXPERIMENT: Experiment = Experiment {
    name: "order-seccomp",
    title: "a filter before pivot_root forbids pivot_root",
    level: Level::Deep,
    claims: &["C237"],
    needs: &[Need::Admin, Need::Clone3, Need::Seccomp],
    run,
};

const FIRST: &str =
    "Every capability is kept; the default filter comes before the root file system is sealed";
const WHY: &str = "who makes a box must still be allowed what the box is not: the filter is last";

fn run(findings: &mut Findings) -> Result<()> {
    compare(findings, (FIRST, WHY), box_with)
}

fn box_with(early: bool) -> Result<Container> {
    let filter = || -> Result<Privileges> {
        let filter = Seccomp::default_profile(CapSet::DEFAULT)?;
        Ok(Privileges::keep(CapSet::available()?).seccomp(filter))
    };
    Container::new(&[PROBE, "pid"])?
        .with(PidNamespace)
        .with(IpcNamespace)
        .with(early.then(filter).transpose()?)
        .with(MountNamespace::private())
        .with(Rootfs::new(root()?))
        .with(Proc)
        .with((!early).then(filter).transpose()?)
        .capture()
}
