//! Whose processes a proc mount shows: neither the reader's nor the mount namespace's.

use clone_pid::beyond::{Report, probing};
use clone_pid::{Container, PidNamespace};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, note, step};
use mount_ns::{MountNamespace, Proc};

use crate::stage;

pub const EXPERIMENT: Experiment = Experiment {
    name: "mounters-proc",
    title: "a proc mount shows the PID namespace of who mounted it, whoever reads it",
    level: Level::Deep,
    claims: &["C056"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("A box with PID namespace and /proc: who is in it?");
    let mut inner = with_proc(probing("report; sleep 60")?.with(PidNamespace)).start()?;
    let report = Report::until(&mut inner, "ns-uts")?;
    let (own, _) = stage::look_at_proc(&report)?;

    step("A guest from outside enters its mount namespace, and not its PID namespace");
    let guest = probing("report")?.with(MountNamespace::private()).join(inner.child())?;
    let report = Report::parse(&guest.output()?.text);
    let (seen, shown) = stage::look_at_proc(&report)?;
    let readers_do_not_count = (seen, shown) == (own, "none");
    if readers_do_not_count {
        conclude("it reads the box's processes, and is not one of them: /proc/self leads nowhere");
    }
    inner.kill()?;
    let fresh_is_not_enough = without_pid_namespace()?;
    findings.because(
        "ps shows only its own processes if the mounter was in a PID namespace of its own",
    );
    findings.holds("C056", own == 1 && readers_do_not_count && fresh_is_not_enough);
    Ok(())
}

fn with_proc(container: Container) -> Container {
    container.with(MountNamespace::private()).with(Proc)
}

/// A fresh /proc in a mount namespace alone. The root of a user namespace may not mount it: EPERM.
fn without_pid_namespace() -> Result<bool> {
    step("A box with a fresh /proc, but without a PID namespace");
    match with_proc(probing("report")?).start() {
        Ok(running) => {
            let (seen, _) = stage::look_at_proc(&Report::parse(&running.output()?.text))?;
            conclude("a new mount of the old list: these are the host's processes");
            Ok(seen > 1)
        }
        Err(error) => {
            note(&error);
            Ok(error.errno() == Some(nix::errno::Errno::EPERM))
        }
    }
}
