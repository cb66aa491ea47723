//! A box whose command is nobody in particular.

use caps::CapSet;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, step};

use crate::stage::{run_line, tell, tell_set};

pub const EXPERIMENT: Experiment = Experiment {
    name: "ordinary-user",
    title: "run as another user, the command has no capability and owns nothing",
    level: Level::Deep,
    claims: &["C178"],
    needs: &[Need::Admin, Need::Clone3, Need::MountSetattr, Need::Seccomp, Need::OtherUsers],
    run: look,
};

fn look(findings: &mut Findings) -> Result<()> {
    step("A box with -u 1000:1000");
    let report = run_line(&["-u", "1000:1000"], "report; powers; writable /etc/passwd")?;
    let uid = tell(&report, "uid", "the box")?;
    let effective = tell_set(&report, "CapEff", "the box")?;
    let written = tell(&report, "/etc/passwd", "the box")?;
    let holds = uid == "1000" && effective == CapSet::NONE && written == "EACCES";
    if holds {
        conclude("the files of the image are root's, and here nobody is root");
    }
    findings.holds("C178", holds);
    Ok(())
}
