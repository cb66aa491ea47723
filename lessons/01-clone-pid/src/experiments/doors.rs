//! Three doors: clone3 and unshare make a namespace, setns enters one.

use clone_pid::{Part, PidNamespace, Running};
use ground::Result;
use ground::call::doing;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::ns::{Namespace, flag_names};
use ground::proc::{Identity, Process};
use ground::story::{box_evidence, conclude, evidence, step};
use ground::text::pid;
use nix::sched::{CloneFlags, unshare};

use super::{Only, Report, link, probing};

pub const EXPERIMENT: Experiment = Experiment {
    name: "three-doors",
    title: "clone3 and unshare make namespaces, setns enters one that exists",
    level: Level::Deep,
    claims: &["C008"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

/// Calls unshare in the child instead of asking clone3.
struct Unshares(CloneFlags);

impl Part for Unshares {
    fn enter(&mut self) -> Result<()> {
        let kind = if self.0 == CloneFlags::CLONE_NEWUTS { "uts" } else { "pid" };
        doing(format_args!("unshare {}", flag_names(self.0)))
            .like_args(format_args!("unshare --{kind}"))
            .run(|| unshare(self.0))
    }
}

fn run(findings: &mut Findings) -> Result<()> {
    let host = Process::this().namespace(Namespace::Uts)?;
    step("First door, clone3: the child is born in a new UTS namespace");
    let cloned = probing("sleep 60")?.with(Only(Namespace::Uts)).start()?;
    let by_clone = uts_of(&cloned)?;
    step("Second door, unshare: a running process moves itself into a new one");
    let unshared = probing("sleep 60")?.with(Unshares(CloneFlags::CLONE_NEWUTS)).start()?;
    let by_unshare = uts_of(&unshared)?;
    step("Third door, setns: a guest enters the first one's namespace, and makes none");
    let guest = probing("sleep 60")?.with(Only(Namespace::Uts)).join(cloned.child())?;
    let by_setns = uts_of(&guest)?;
    let made = by_clone != host && by_unshare != host && by_clone != by_unshare;

    step(
        "unshare(CLONE_NEWPID) is special: nobody's number can change, so its caller stays where it was",
    );
    let stays = stays_outside()?;
    step("…and a guest of a PID namespace has a parent that it cannot see");
    let target = probing("sleep 60")?.with(PidNamespace).start()?;
    let report =
        Report::parse(&probing("pid")?.with(PidNamespace).join(target.child())?.output()?.text);
    box_evidence("getpid() of the guest", report.get("pid")?);
    box_evidence("getppid() of the guest", report.get("ppid")?);

    let enters = by_setns == by_clone && stays && report.get("pid")? == "2";
    conclude(match made && enters {
        true => "two doors make, one enters; and into a PID namespace only a child goes",
        false => "not each door led where it should",
    });
    findings.because("clone3 makes namespaces too, setns enters them, and unshare(CLONE_NEWPID) moves only the next child");
    findings.partly("C008", made, enters);
    Ok(())
}

fn uts_of(running: &Running) -> Result<Identity> {
    let process = running.child().process();
    let identity = process.namespace(Namespace::Uts)?;
    evidence(process.file("ns/uts"), link(Namespace::Uts, identity.ino));
    Ok(identity)
}

/// After unshare(CLONE_NEWPID): the caller's number and namespace are the old ones, and its children's namespace has no
/// inode to show until the first of them is there.
fn stays_outside() -> Result<bool> {
    let mut running = probing("pid; sleep 60")?.with(Unshares(CloneFlags::CLONE_NEWPID)).start()?;
    let report = Report::until(&mut running, "ppid")?;
    let process = running.child().process();
    let namespace = process.namespace(Namespace::Pid)?;
    let for_children = process.identity("ns/pid_for_children").ok();
    box_evidence("getpid() after unshare(CLONE_NEWPID)", pid(report.get("pid")?));
    evidence(process.file("ns/pid"), link(Namespace::Pid, namespace.ino));
    let shown = for_children.map_or("dangling".to_string(), |id| link(Namespace::Pid, id.ino));
    evidence(process.file("ns/pid_for_children"), shown);
    Ok(namespace == Process::this().namespace(Namespace::Pid)? && for_children.is_none())
}
