//! Who may make a node may not open it.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, step};

use crate::stage::{run_line, tell};

pub const EXPERIMENT: Experiment = Experiment {
    name: "devices",
    title: "CAP_MKNOD makes the node, the list of the cgroup refuses to open it",
    level: Level::Deep,
    claims: &["C234"],
    needs: &[Need::InitialRoot, Need::Mknod, Need::Clone3, Need::MountSetattr, Need::Seccomp],
    run: look,
};

/// A number that no driver has, so that nothing can come of it, and /dev/null under another name. The list is asked first:
/// what it lets through is ENXIO.
const SCRIPT: &str = "mknod /run/driverless c 1 250; readable /run/driverless; mknod /run/nothing c 1 3; readable /run/nothing";

fn look(findings: &mut Findings) -> Result<()> {
    step("A box makes two nodes on a tmpfs, and opens them");
    let report = run_line(&["--tmpfs", "/run:dev"], SCRIPT)?;
    let refused = tell(&report, "/run/driverless", "the box")?;
    let null = tell(&report, "/run/nothing", "the box")?;
    step("The same with one more line in the list: c 1:250 r");
    let more = run_line(&["--tmpfs", "/run:dev", "--device-cgroup-rule", "c 1:250 r"], SCRIPT)?;
    let allowed = tell(&more, "/run/driverless", "the box")?;
    let holds = refused == "EPERM" && null == "0" && allowed == "ENXIO";
    if holds {
        conclude(
            "the name of a node is nothing; its number is looked up in the list of the box's cgroup",
        );
    }
    findings.holds("C234", holds);
    Ok(())
}
