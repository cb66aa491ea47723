//! The second gate: a container that exists, and whose command does not run yet.

use clone_pid::{Container, Created, PidNamespace, UtsNamespace};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::Process;
use ground::proc::ns::Namespace;
use ground::story::{box_evidence, conclude, evidence, step};
use nix::errno::Errno;

use super::{Report, link, probing};

pub const EXPERIMENT: Experiment = Experiment {
    name: "create-start",
    title: "between create and start the namespaces are furnished and nothing runs",
    level: Level::Deep,
    claims: &["C196"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

/// The box's host name.
const NAME: &str = "waiting";

fn run(findings: &mut Findings) -> Result<()> {
    step("Create a box, and look at it while it waits");
    let created = around(probing("hostname")?).create()?;
    let has_namespace = has_own_namespace(&created)?;
    let not_begun = has_not_begun(&created)?;
    step("A guest in its UTS namespace: has anybody set the host name yet?");
    let furnished = guests_host_name(&created)? == NAME;

    step("Start it");
    let report = Report::parse(&created.start()?.output()?.text);
    box_evidence("gethostname()", report.get("hostname")?);
    let started = report.get("hostname")? == NAME;
    let late = finds_out_at_start()?;
    findings.holds("C196", has_namespace && not_begun && furnished && started && late);
    Ok(())
}

fn around(container: Container) -> Container {
    container.with(PidNamespace).with(UtsNamespace { hostname: Some(NAME.into()) })
}

fn has_own_namespace(created: &Created) -> Result<bool> {
    let process = created.child().process();
    let namespace = process.namespace(Namespace::Uts)?;
    evidence(process.file("ns/uts"), link(Namespace::Uts, namespace.ino));
    Ok(namespace != Process::this().namespace(Namespace::Uts)?)
}

/// Whether the waiting process still executes this lesson's program.
fn has_not_begun(created: &Created) -> Result<bool> {
    let process = created.child().process();
    let same_program = process.identity("exe")? == Process::this().identity("exe")?;
    let found = if same_program { "still this lesson" } else { "another program" };
    evidence(process.file("exe"), found);
    Ok(same_program)
}

fn guests_host_name(created: &Created) -> Result<String> {
    let guest = probing("hostname")?.with(UtsNamespace { hostname: None });
    let report = Report::parse(&guest.join(created.child())?.output()?.text);
    let name = report.get("hostname")?;
    box_evidence("gethostname() of the guest", name);
    Ok(name.to_string())
}

/// Whether a command that does not exist is an error of start and not of create.
fn finds_out_at_start() -> Result<bool> {
    step("Create one whose command does not exist: the error waits for start");
    match around(Container::new(&["/no/such/command"])?).create()?.start() {
        Ok(_) => {
            conclude("start succeeded, although there is no such command");
            Ok(false)
        }
        Err(e) => {
            conclude(format!("create succeeded, start failed: {e}"));
            Ok(e.errno() == Some(Errno::ENOENT))
        }
    }
}
