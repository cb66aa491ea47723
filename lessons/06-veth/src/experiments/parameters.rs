//! Parameters of a network namespace.

use std::collections::BTreeSet;
use std::path::Path;

use clone_pid::beyond::{Report, probing};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use ground::text::count;
use veth::NetworkNamespace;

use crate::stage::Node;

pub const EXPERIMENT: Experiment = Experiment {
    name: "parameters",
    title: "each network namespace has its own net.* parameters, and fewer of them",
    level: Level::Deep,
    claims: &["C156"],
    needs: &[Need::Admin, Need::Clone3, Need::NetworkNamespaces],
    run,
};

const KEEPALIVE: &str = "net.ipv4.tcp_keepalive_time";

/// The files below a directory of /proc/sys; those of single interfaces left out.
fn names(dir: &Path, found: &mut BTreeSet<String>) {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        match path.is_dir() {
            true if path.ends_with("conf") || path.ends_with("neigh") => {}
            true => names(&path, found),
            false => drop(found.insert(path.display().to_string())),
        }
    }
}

fn parameters(node: &Node) -> Result<BTreeSet<String>> {
    node.within(|| {
        let mut found = BTreeSet::new();
        names(Path::new("/proc/sys/net"), &mut found);
        Ok(found)
    })
}

fn run(findings: &mut Findings) -> Result<()> {
    step("The parameters of the host's network namespace, and those of a new one");
    let (host, fresh) = (Node::current("host")?, muted(|| Node::new("box"))?);
    let (all, own) = (parameters(&host)?, parameters(&fresh)?);
    let global = all.difference(&own).count();
    evidence("/proc/sys/net in host, files", count(all.len()));
    fresh.tell("/proc/sys/net in box, files", count(own.len()));
    evidence("only in the host", count(global));
    if global > 0 {
        conclude("what a namespace does not have of its own is not shown in it at all");
    }

    step("Set one from inside a box. A second process of the box looks, and the host does");
    let before = host.sysctl(KEEPALIVE)?;
    let script = format!("sysctl {KEEPALIVE} 321; hold");
    let mut running = muted(|| probing(&script)?.with(NetworkNamespace).start())?;
    let report = Report::until(&mut running, "ready")?;
    box_evidence(format!("the box: {KEEPALIVE}"), report.get(KEEPALIVE)?);
    let inside = muted(|| Node::of("box", running.child().pid()))?;
    let second = Report::parse(&inside.run(&format!("sysctl {KEEPALIVE}"))?.text);
    box_evidence(format!("a second process: {KEEPALIVE}"), second.get(KEEPALIVE)?);
    let after = host.sysctl(KEEPALIVE)?;
    evidence(format!("the host: {KEEPALIVE}"), count(&after));
    let own = second.get(KEEPALIVE)? == "321" && after == before;
    if own {
        conclude(
            "it belongs to the namespace. With run it is --sysctl, in a pod securityContext.sysctls: both write the same file",
        );
    }
    findings.holds("C156", own);
    Ok(())
}
