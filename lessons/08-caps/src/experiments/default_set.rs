//! How many does a container have?

use caps::CapSet;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, note, step};

use crate::stage::{run, tell_set, usual};

pub const EXPERIMENT: Experiment = Experiment {
    name: "default-set",
    title: "a container begins with 14 capabilities, not with 15",
    level: Level::Core,
    claims: &["C175"],
    needs: &[Need::Admin, Need::Clone3],
    run: look,
};

fn look(findings: &mut Findings) -> Result<()> {
    step("The bounding set of a box that was started without any flag about capabilities");
    let set = tell_set(&run("powers", usual()?)?, "CapBnd", "the box")?;
    for capability in set.iter() {
        evidence(format!("bit {}", capability.0), capability);
    }
    let count = set.iter().count();
    if set == CapSet::DEFAULT {
        conclude("00000000a80425fb is the mask of Docker and containerd, too");
    }
    note(
        "15: the table in runc's SPEC.md, which still has AUDIT_READ. 11: Podman. 3: what `runc spec` and `crun spec` write",
    );
    findings.because("14 in Docker and containerd; 15 is an old table of runc's");
    findings.holds("C175", count == 15);
    Ok(())
}
