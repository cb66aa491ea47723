//! What happens to the others when PID 1 ends.

use std::fs::File;

use clone_pid::{Container, Status};
use ground::Result;
use ground::call::{doing, quietly};
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use ground::text::pid;
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};

use crate::stage::{boxed, comes_true, family, state, until_all};

pub const EXPERIMENT: Experiment = Experiment {
    name: "last-breath",
    title: "when PID 1 ends, the others are killed, and nobody can be born any more",
    level: Level::Core,
    claims: &["C034"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "PID 1 and a child that has handlers for SIGTERM, SIGHUP and SIGINT, and would tell of each",
    );
    let container = boxed("fork trap TERM HUP INT; await USR1; exit 0")?;
    let mut running = container.start()?;
    until_all(&mut running, &["ready", "awaiting"])?;
    let child = family(&running)?.first().map(|(pid, _)| *pid);
    let namespace = namespace_of(running.child().pid())?;

    step("PID 1 ends");
    running.signal(libc::SIGUSR1)?;
    let mut said = Vec::new();
    while let Some(line) = running.line()? {
        said.push(line);
    }
    let status = muted(|| running.wait())?;
    box_evidence("PID 1", status);
    box_evidence(
        "what the child said",
        if said.is_empty() { "nothing".into() } else { said.join(" ") },
    );
    let gone = comes_true(|| Ok(child.is_some_and(|child| state(child).is_none())))?;
    evidence("the child", if gone { "is gone" } else { "is still there" });
    let silent = status == Status::Exited(0) && said.is_empty() && gone;
    if silent {
        conclude(
            "no handler ran: the kernel sends SIGKILL to everybody in the namespace, and waits until they are dead",
        );
    }

    step("The namespace still exists, for we have a descriptor of it. Can anybody be born in it?");
    let errno = birth_in(&namespace)?;
    if errno == Some(Errno::ENOMEM) {
        conclude(
            "without an init there is nobody to adopt, so there are no more births: ENOMEM, whatever the memory",
        );
    }
    findings.holds("C034", silent && errno == Some(Errno::ENOMEM));
    Ok(())
}

fn namespace_of(process: nix::unistd::Pid) -> Result<File> {
    quietly(format_args!("open /proc/{}/ns/pid", pid(process)))
        .run(|| File::open(format!("/proc/{process}/ns/pid")))
}

/// The errno of a clone into a PID namespace.
fn birth_in(namespace: &File) -> Result<Option<Errno>> {
    let own = quietly("open /proc/self/ns/pid").run(|| File::open("/proc/self/ns/pid"))?;
    doing("setns to the PID namespace that has lost its init")
        .run(|| setns(namespace, CloneFlags::CLONE_NEWPID))?;
    let born = Container::new(&["true"])?.start();
    quietly("setns back").run(|| setns(&own, CloneFlags::CLONE_NEWPID))?;
    Ok(born.err().and_then(|error| error.errno()))
}
