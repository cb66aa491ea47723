//! Without a user namespace.

use clone_pid::PidNamespace;
use clone_pid::beyond::probing;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use mount_ns::MountNamespace;

use crate::shared::{owner, place};

pub const EXPERIMENT: Experiment = Experiment {
    name: "container-root",
    title: "without a user namespace the box's root is the host's",
    level: Level::Deep,
    claims: &["C177"],
    needs: &[Need::InitialRoot, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    let place = place()?;
    step("A box with PID and mount namespaces; its root makes a file");
    let script = format!("write {place}/by-root hello");
    let container = probing(&script)?.with(PidNamespace).with(MountNamespace::private());
    let created = muted(|| container.create())?;
    let process = created.child().process();
    let status = process.status()?;
    evidence(process.file("status, effective user"), status.uid[1]);
    muted(|| created.start()?.output())?;
    let found = owner(&format!("{place}/by-root"))?;
    evidence("owner of the file", found);
    let same = status.uid[1] == 0 && found.0 == 0;
    if same {
        conclude(
            "what keeps it from the host's files is that it has no name for them, and nothing else",
        );
    }
    findings.holds("C177", same);
    Ok(())
}
