//! SIGTERM that is forwarded, and an end that is waited for.

use clone_pid::{Container, Output};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, step};
use init_signals::Init;

use crate::stage::{command, until};

pub const EXPERIMENT: Experiment = Experiment {
    name: "graceful",
    title: "a graceful end needs a PID 1 that forwards SIGTERM and waits",
    level: Level::Core,
    claims: &["C037"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

/// A service that tidies up when it is told to end.
const SERVICE: &str = "trap 'echo tidying; sleep 0.05; echo tidy; exit 3' TERM; echo up; while :; do sleep 0.01; done";
/// A PID 1 that catches SIGTERM, too, and then simply ends.
const HASTY: &str = "trap 'exit 0' TERM; sh -c \"$1\" & wait";

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "A service that tidies up on SIGTERM, with an init in front of it. The host sends SIGTERM to PID 1",
    );
    let waited = terminated(command(&["sh", "-c", SERVICE])?.with(Init::wanted(true)))?;
    let graceful = waited.text == "tidying\ntidy\n" && waited.status.code() == 3;
    if graceful {
        conclude("PID 1 passed the signal on, waited, and ended with its child's status");
    }
    step("The same service behind a PID 1 that handles SIGTERM by going at once");
    let hasty = terminated(command(&["sh", "-c", HASTY, "sh", SERVICE])?)?;
    let cut_off = hasty.text.is_empty() && hasty.status.code() == 0;
    if cut_off {
        conclude("it ended with success, and the kernel killed the service, which nobody had told");
    }
    findings.holds("C037", graceful && cut_off);
    Ok(())
}

fn terminated(container: Container) -> Result<Output> {
    let mut running = container.start()?;
    until(&mut running, "up")?;
    running.signal(libc::SIGTERM)?;
    let output = running.output()?;
    let said = output.text.trim_end().replace('\n', ", ");
    box_evidence("the service said", if said.is_empty() { "nothing".to_string() } else { said });
    box_evidence("PID 1", output.status);
    Ok(output)
}
