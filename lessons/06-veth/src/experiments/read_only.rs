//! Why a box cannot set parameters, and who still can.

use clone_pid::beyond::{Report, probing};
use clone_pid::{Part, PidNamespace};
use ground::Result;
use ground::call::doing;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, muted, step};
use mount_ns::MountNamespace;
use nix::mount::{MsFlags, mount};
use veth::NetworkNamespace;

use crate::stage::Node;

pub const EXPERIMENT: Experiment = Experiment {
    name: "read-only",
    title: "/proc/sys is read-only in a box, by a mount; the host's root goes around it",
    level: Level::Deep,
    claims: &["C157"],
    needs: &[Need::Admin, Need::Clone3, Need::NetworkNamespaces],
    run,
};

/// What runtimes do for an unprivileged container.
struct ReadOnlySysctls;

impl Part for ReadOnlySysctls {
    fn enter(&mut self) -> Result<()> {
        let (at, none) = ("/proc/sys", None::<&str>);
        let read_only = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
        doing("mount /proc/sys on itself MS_BIND")
            .like("mount --bind /proc/sys /proc/sys")
            .run(|| mount(Some(at), at, none, MsFlags::MS_BIND, none))?;
        doing("mount /proc/sys MS_REMOUNT|MS_BIND|MS_RDONLY")
            .like("mount -o remount,bind,ro /proc/sys")
            .run(|| mount(none, at, none, read_only, none))
    }
}

const TTL: &str = "net.ipv4.ip_default_ttl";

fn run(findings: &mut Findings) -> Result<()> {
    step("A box as runtimes make it, and a program in it that wants to set a parameter");
    let container = probing(&format!("sysctl {TTL}; sleep 60"))?
        .with(PidNamespace)
        .with(NetworkNamespace)
        .with(MountNamespace::private())
        .with(ReadOnlySysctls);
    let mut running = container.start()?;
    let before = Report::until(&mut running, TTL)?.get(TTL)?.to_string();
    let refused = probing(&format!("sysctl {TTL} 77"))?
        .with(PidNamespace)
        .with(NetworkNamespace)
        .with(MountNamespace::private())
        .with(ReadOnlySysctls);
    let text = muted(|| refused.start()?.output())?.text;
    // Opening a file for writing is where a read-only mount refuses.
    let line = text.lines().find(|line| line.starts_with("call write")).unwrap_or_default();
    box_evidence("the box, writing 77", line.rsplit(" = ").next().unwrap_or_default());

    step("The host's root enters the box's network namespace, and nothing else of it");
    let inside = Node::of("box", running.child().pid())?;
    inside.set_sysctl(TTL, "77")?;
    let now = inside.sysctl(TTL)?;
    inside.tell(format!("{TTL} in the box's namespace"), &now);
    muted(|| running.kill())?;
    let mount_only = line.contains("EROFS") && before != "77" && now == "77";
    if mount_only {
        conclude(
            "the parameter could be changed all the time. What is read-only is one mount, in one mount namespace",
        );
    }
    findings.because("from inside; who enters only the network namespace is not behind that mount");
    findings.holds("C157", mount_only);
    Ok(())
}
