//! The second gate: a container that exists, and whose command does not run yet.

use clone_pid::{Container, PidNamespace, UtsNamespace};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::Process;
use ground::proc::ns::Namespace;
use ground::story::{box_evidence, conclude, evidence, step};

use super::{Report, link, probing};

pub const EXPERIMENT: Experiment = Experiment {
    name: "create-start",
    title: "between create and start the namespaces are furnished and nothing runs",
    level: Level::Deep,
    claims: &[],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(_: &mut Findings) -> Result<()> {
    step("Create a box, and look at it while it waits");
    let uts = || UtsNamespace { hostname: Some("waiting".into()) };
    let created = probing("hostname")?.with(PidNamespace).with(uts()).create()?;
    let process = created.child().process();
    let namespace = process.namespace(Namespace::Uts)?;
    evidence(process.file("ns/uts"), link(Namespace::Uts, namespace.ino));
    let same_program = process.identity("exe")? == Process::this().identity("exe")?;
    evidence(
        process.file("exe"),
        if same_program { "still this lesson" } else { "another program" },
    );

    step("Start it");
    let report = Report::parse(&created.start()?.output()?.text);
    box_evidence("gethostname()", report.get("hostname")?);

    step("Create one whose command does not exist: the error waits for start");
    let hopeless =
        Container::new(&["/no/such/command"])?.with(PidNamespace).with(uts()).create()?;
    match hopeless.start() {
        Ok(_) => conclude("start succeeded, although there is no such command"),
        Err(e) => conclude(format!("create succeeded, start failed: {e}")),
    }
    Ok(())
}
