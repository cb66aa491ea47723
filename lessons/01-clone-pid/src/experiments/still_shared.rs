//! What one box can still do to another.

use clone_pid::{Container, IpcNamespace, PidNamespace, UtsNamespace};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level, run_name};
use ground::needs::Need;
use ground::proc::ns::Namespace;
use ground::story::{box_evidence, conclude, step};
use ground::text::pid;

use super::{Only, Report, probing};

pub const EXPERIMENT: Experiment = Experiment {
    name: "still-shared",
    title: "only what is unshared is apart: a socket without a file crosses the wall",
    level: Level::Deep,
    claims: &["C017"],
    needs: &[Need::Admin, Need::Clone3, Need::NetworkNamespaces],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    let socket = format!("{}-abstract", run_name());
    step("Box A listens on an abstract socket: a name in its network namespace, in no file system");
    let mut a = apart(probing(&format!("abstract-listen {socket}"))?).start()?;
    Report::until(&mut a, "listening")?;

    step(
        "Box B, in other PID, mount, UTS and IPC namespaces, tries to kill A by the number that the host knows",
    );
    let number = a.child().pid();
    let kill = apart(probing(&format!("kill {number} 9"))?).start()?.output()?.text;
    box_evidence(format!("kill({}, SIGKILL)", pid(number)), outcome(&kill));

    step("…then connects to A's socket, once sharing the network namespace and once not");
    let shared = connect(&socket, apart)?;
    box_evidence("connect, network namespace shared", &shared);
    let unshared = connect(&socket, |container| apart(container).with(Only(Namespace::Network)))?;
    box_evidence("connect, network namespace unshared", &unshared);

    let hidden = kill.contains("ESRCH") && unshared == "ECONNREFUSED";
    let reached = shared == "connected";
    conclude(match (hidden, reached) {
        (true, true) => {
            "the PID namespace hid A from kill, and nothing hid its socket until the network namespace was unshared"
        }
        (true, false) => "A was out of reach each time",
        (false, _) => "A was in reach although the namespace was unshared",
    });
    findings.because("isolation holds for what is unshared; the kernel itself stays shared");
    findings.partly("C017", hidden, reached);
    Ok(())
}

fn apart(container: Container) -> Container {
    let uts = UtsNamespace { hostname: None };
    container.with(PidNamespace).with(uts).with(IpcNamespace).with(Only(Namespace::Mount))
}

fn connect(socket: &str, wrap: impl FnOnce(Container) -> Container) -> Result<String> {
    let text = wrap(probing(&format!("abstract-connect {socket}"))?).start()?.output()?.text;
    Ok(outcome(&text))
}

/// `connected`, or the errno that the probe names.
fn outcome(text: &str) -> String {
    let word = text.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| {
        *word == "connected"
            || (word.len() > 3
                && word.starts_with('E')
                && word.chars().all(|c| c.is_ascii_uppercase()))
    });
    word.unwrap_or("succeeded").to_string()
}
