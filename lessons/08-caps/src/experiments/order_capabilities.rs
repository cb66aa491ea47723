//! Capabilities too early.

use caps::{CapSet, Privileges};
use chroot::Rootfs;
use clone_pid::{Container, Part, PidNamespace};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use mount_ns::{MountNamespace, Proc};

use crate::attack::{PROBE, root};
use crate::order::compare;

pub const EXPERIMENT: Experiment = Experiment {
    name: "order-capabilities",
    title: "capabilities dropped before the mounts are missing for the mounts",
    level: Level::Deep,
    claims: &["C237"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

const FIRST: &str = "The default set is kept, all else dropped, before /proc is mounted";
const WHY: &str = "mount(2) asks for CAP_SYS_ADMIN: furnish first, then give it up";

fn run(findings: &mut Findings) -> Result<()> {
    compare(findings, (FIRST, WHY), box_with)
}

/// Gives up in `enter` what belongs into `seal`.
struct Early(Privileges);

impl Part for Early {
    fn enter(&mut self) -> Result<()> {
        self.0.seal()
    }
}

fn box_with(early: bool) -> Result<Container> {
    let privileges = || -> Result<Privileges> {
        Ok(Privileges::keep(CapSet::DEFAULT.and(CapSet::available()?)))
    };
    Container::new(&[PROBE, "pid"])?
        .with(PidNamespace)
        .with(MountNamespace::private())
        .with(Rootfs::new(root()?))
        .with(early.then(privileges).transpose()?.map(Early))
        .with(Proc)
        .with((!early).then(privileges).transpose()?)
        .capture()
}
