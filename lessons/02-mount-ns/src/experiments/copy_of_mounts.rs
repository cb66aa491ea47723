//! What CLONE_NEWNS changes at first: nothing that anybody could see.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clone_pid::Container;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::Process;
use ground::story::{conclude, evidence, step};
use ground::text::count;
use mount_ns::MountNamespace;

use crate::stage::{self, MountsTmpfs};

pub const EXPERIMENT: Experiment = Experiment {
    name: "copy-of-mounts",
    title: "a new mount namespace begins as a copy, and parts ways with the first mount",
    level: Level::Core,
    claims: &["C054"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("Clone a child into a new mount namespace, change nothing, and compare the two tables");
    let host = Process::this();
    let created = Container::new(&["true"])?.with(MountNamespace::unchanged()).create()?;
    let child = created.child().process();
    let another = stage::mount_namespace(&host)? != stage::mount_namespace(&child)?;
    stage::table_size(&host)?;
    stage::table_size(&child)?;
    let (here, there) = (table(&host)?, table(&child)?);
    evidence("mounts that only one of the two has", here.symmetric_difference(&there).count());
    let same_root = host.root()? == child.root()?;
    evidence("root directory", if same_root { "the same" } else { "another" });

    step("Now let a child make its table private and mount something in it");
    let before = stage::table_size(&host)?;
    let mounts = MountsTmpfs(stage::directory("apart")?);
    let apart = Container::new(&["true"])?.with(MountNamespace::private()).with(mounts).create()?;
    let more = stage::table_size(&apart.child().process())?;
    let after = stage::table_size(&host)?;
    if (before, before + 1) == (after, more) {
        conclude(format!("{} mounts in the box, still {} here", count(more), count(after)));
    }
    findings.holds("C054", another && here == there && same_root);
    Ok(())
}

/// Where what is mounted. A mount of a mount namespace's file (`nsfs mnt:[…]`, where snapd keeps some) is the one thing
/// that is not copied: a namespace that held itself would live for ever.
fn table(process: &Process) -> Result<BTreeSet<(PathBuf, String, PathBuf)>> {
    let mounts = process.mounts()?.into_iter();
    let copied = mounts.filter(|mount| !mount.root.to_string_lossy().starts_with("mnt:["));
    Ok(copied.map(|mount| (mount.point, mount.device, mount.root)).collect())
}
