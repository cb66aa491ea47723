//! A process that came in by exec.

use clone_pid::beyond::Report;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::Process;
use ground::proc::ns::Namespace;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use ground::text::inode;

use crate::stage::{boxed, guest, started, until};

pub const EXPERIMENT: Experiment = Experiment {
    name: "exec-parent",
    title: "exec brings in a process that is nobody's child there, and can signal everybody",
    level: Level::Deep,
    claims: &["C040"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("A box with a handler for SIGUSR1; and a guest, brought in by exec");
    let mut running = started(boxed("listen USR1")?, "ready")?;
    let mut joined = boxed("pid; hold")?.join(running.child())?;
    let report = Report::until(&mut joined, "ppid")?;
    box_evidence("getpid() of the guest", report.get("pid")?);
    box_evidence("getppid() of the guest", report.get("ppid")?);
    let of = |process: Process| {
        let namespace = process.namespace(Namespace::Pid)?.ino;
        evidence(process.file("ns/pid"), inode(namespace));
        Ok::<_, ground::Error>(namespace)
    };
    let same = of(running.child().process())? == of(joined.child().process())?;
    muted(|| joined.kill())?;
    step("Another guest sends PID 1 SIGUSR1");
    muted(|| guest(&running, "kill 1 SIGUSR1"))?;
    let came = until(&mut running, "got SIGUSR1").is_ok();
    box_evidence("PID 1 says", if came { "got SIGUSR1" } else { "nothing" });
    muted(|| running.kill())?;
    let orphan = report.get("ppid")? == "0";
    if orphan && same && came {
        conclude(
            "it is in the namespace and its parent is not: no descendant of PID 1, who will adopt only its orphans",
        );
    }
    findings.holds("C040", orphan && same && came);
    Ok(())
}
