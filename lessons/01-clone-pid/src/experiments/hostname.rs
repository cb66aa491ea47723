//! A host name of its own, and the mistake of the C program that everybody copies.

use clone_pid::{PidNamespace, UtsNamespace};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, step};
use ground::text::name;
use nix::unistd::gethostname;

use super::{Report, probing};

pub const EXPERIMENT: Experiment = Experiment {
    name: "hostname",
    title: "the host name is isolated, by CLONE_NEWUTS and by nothing else",
    level: Level::Core,
    claims: &["C005"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    let before = host_name();
    step("A box with a UTS namespace renames itself");
    let uts = UtsNamespace { hostname: Some("c1".into()) };
    let renamed = Report::of(probing("hostname")?.with(PidNamespace).with(uts))?;
    box_evidence("gethostname()", renamed.get("hostname")?);
    evidence("gethostname() on the host", name(&before));

    step("A box with a PID namespace only: what does it think it is called?");
    let plain = Report::of(probing("hostname")?.with(PidNamespace))?;
    box_evidence("gethostname()", name(plain.get("hostname")?));
    let alone = plain.get("hostname")? == before;
    conclude(match alone {
        true => {
            "a PID namespace alone leaves the host's name in the prompt: each kind of namespace isolates one thing"
        }
        false => "a PID namespace alone has changed the host name",
    });

    let isolated = renamed.get("hostname")? == "c1" && host_name() == before;
    findings.holds("C005", isolated && alone);
    Ok(())
}

fn host_name() -> String {
    gethostname().unwrap_or_default().to_string_lossy().into_owned()
}
