//! What a "container" is when the kernel is asked.

use clone_pid::{IpcNamespace, PidNamespace, UtsNamespace};
use ground::Result;
use ground::card::Card;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::Process;
use ground::proc::ns::Namespace;
use ground::story::{conclude, evidence, step};

use super::{link, probing};

pub const EXPERIMENT: Experiment = Experiment {
    name: "no-object",
    title: "the kernel knows no container, only a process and what it is in",
    level: Level::Core,
    claims: &["C011"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("Start a box, and read everything the kernel has to say about its process");
    let uts = UtsNamespace { hostname: Some("box".into()) };
    let boxed = probing("sleep 60")?.with(PidNamespace).with(uts).with(IpcNamespace);
    let running = boxed.start()?;
    let (host, process) = (Process::this(), running.child().process());
    for kind in [Namespace::Pid, Namespace::Uts, Namespace::Ipc] {
        evidence(
            process.file(format_args!("ns/{}", kind.file())),
            link(kind, process.namespace(kind)?.ino),
        );
    }
    let in_namespaces = host.namespace(Namespace::Pid)? != process.namespace(Namespace::Pid)?;

    step("Namespaces are there. Is that all a container needs? Compare the rest with the host");
    Card::of(&process)?.tell()?;
    let (theirs, ours) = (process.status()?, host.status()?);
    let same_root = process.root()? == host.root()?;
    let same_powers = theirs.capabilities == ours.capabilities && theirs.seccomp == ours.seccomp;
    conclude(match same_root && same_powers {
        true => {
            "namespaces alone left it the host's root directory, every capability and every system call: more \
             makes a container, and none of it is an object of the kernel"
        }
        false => "more than its namespaces sets it apart from the host",
    });
    findings.because("runtimes add a root directory, fewer capabilities, seccomp and masked paths");
    findings.partly("C011", in_namespaces, same_root && same_powers);
    running.kill()?;
    Ok(())
}
