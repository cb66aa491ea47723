//! A parameter that has no namespace.

use clone_pid::beyond::{Report, probing};
use clone_pid::{Container, IpcNamespace, PidNamespace};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use mount_ns::MountNamespace;
use veth::NetworkNamespace;

use crate::stage::Node;

pub const EXPERIMENT: Experiment = Experiment {
    name: "global",
    title: "a parameter without a namespace is the host's, whoever writes it",
    level: Level::Deep,
    claims: &["C015"],
    needs: &[Need::Admin, Need::Clone3, Need::NetworkNamespaces, Need::Disposable],
    run,
};

const BURST: &str = "kernel.printk_ratelimit_burst";
const KEEPALIVE: &str = "net.ipv4.tcp_keepalive_time";

fn boxed(script: &str) -> Result<Container> {
    Ok(probing(script)?
        .with(PidNamespace)
        .with(IpcNamespace)
        .with(NetworkNamespace)
        .with(MountNamespace::private()))
}

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "On this machine, which is thrown away: a box with namespaces of its own writes two parameters",
    );
    let host = Node::current("host")?;
    let before = (host.sysctl(BURST)?, host.sysctl(KEEPALIVE)?);
    let container = boxed(&format!("sysctl {BURST} 11; sysctl {KEEPALIVE} 321"))?;
    let report = muted(|| Report::of(container))?;
    box_evidence(format!("the box: {BURST}"), report.get(BURST)?);
    box_evidence(format!("the box: {KEEPALIVE}"), report.get(KEEPALIVE)?);
    let after = (host.sysctl(BURST)?, host.sysctl(KEEPALIVE)?);
    evidence(format!("the host: {BURST}"), &after.0);
    evidence(format!("the host: {KEEPALIVE}"), &after.1);
    muted(|| host.set_sysctl(BURST, &before.0))?;
    let leaked = before.0 != "11" && after.0 == "11";
    let kept = report.get(KEEPALIVE)? == "321" && after.1 == before.1;
    if leaked && kept {
        conclude(
            "the first has no namespace and is the host's; the second belongs to the network namespace",
        );
    }
    findings.because("only what has no namespace; net.* and some others belong to one");
    findings.partly("C015", leaked, kept);
    Ok(())
}
