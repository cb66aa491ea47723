//! `--network none`, `bridge`, `host` and `container:ID`.

use clone_pid::beyond::{Report, probing};
use clone_pid::{Container, PidNamespace, Running};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use ground::text::inode;
use veth::netlink::link;
use veth::{Loopback, NetworkNamespace, Veth};

use crate::stage::{Node, tell_link};

pub const EXPERIMENT: Experiment = Experiment {
    name: "modes",
    title: "none, bridge, host and container: which network namespace, and what is in it",
    level: Level::Deep,
    claims: &["C167", "C168"],
    needs: &[Need::Admin, Need::Clone3, Need::NetworkNamespaces, Need::Veth],
    run,
};

/// A box that has said in which namespaces it is, and which interfaces it has, and stays.
struct Shown {
    running: Running,
    report: Report,
}

impl Shown {
    /// Starts it with what `parts` add, from the network namespace of `node`.
    fn start(node: &Node, parts: impl FnOnce(Container) -> Container) -> Result<Shown> {
        let start = || parts(probing("ns; interfaces; hold")?.with(PidNamespace)).start();
        let mut running = muted(|| node.within(start))?;
        let report = Report::until(&mut running, "ready")?;
        Ok(Shown { running, report })
    }

    fn tell(&self, mode: &str) -> Result<(u64, String)> {
        let network = self.report.get("net")?.parse().unwrap_or(0);
        let links = self.report.get("interfaces")?.to_string();
        box_evidence(format!("--network {mode}: /proc/self/ns/net"), inode(network));
        box_evidence(format!("--network {mode}: interfaces"), &links);
        Ok((network, links))
    }
}

fn run(findings: &mut Findings) -> Result<()> {
    let host = muted(|| {
        let host = Node::new("host")?;
        host.perform(link::set_loopback_up())?;
        Ok::<_, ground::Error>(host)
    })?;
    let here = host.inode()?;
    step("A namespace that plays the host, and a box with none of it");
    evidence("the host's network namespace", inode(here));
    let none = Shown::start(&host, |container| container.with(NetworkNamespace).with(Loopback))?;
    let (apart, links) = none.tell("none")?;
    let nothing = apart != here && links == "lo";

    step("A box with a cable");
    let cabled = Shown::start(&host, |container| {
        let address = "10.77.0.2/24".parse().expect("an address");
        container.with(NetworkNamespace).with(Loopback).with(Veth::new("port1").address(address))
    })?;
    let (own, links) = cabled.tell("bridge")?;
    let port = tell_link(&host, "port1")?.peer_namespace.is_some();
    let bridge = own != here && own != apart && links == "lo eth0" && port;
    if nothing && bridge {
        conclude("both have a namespace of their own; the second has a cable out of it");
    }

    step("A box in the host's namespace: its ports are the host's");
    let shared = Shown::start(&host, |container| container)?;
    let (same, _) = shared.tell("host")?;
    let server = host.serve("tcp-serve 127.0.0.1:8080 2")?;
    let collides = host.run("tcp-serve 127.0.0.1:8080")?.text.contains("EADDRINUSE");
    evidence("bind 127.0.0.1:8080 a second time", if collides { "EADDRINUSE" } else { "ok" });

    step("A box in the namespace of another box, as the containers of a pod are");
    let of_other = muted(|| Node::of("other", cabled.running.child().pid()))?;
    let second = Shown::start(&of_other, |container| container)?;
    let (joined, _) = second.tell("container:ID")?;
    let _listening = of_other.serve("tcp-serve 127.0.0.1:9090")?;
    let answer = of_other.run("tcp-ask 127.0.0.1:9090")?.text.contains("answer 127.0.0.1");
    let pids = second.report.get("pid")? != cabled.report.get("pid")?;
    box_evidence(
        "127.0.0.1:9090 of one, asked by the other",
        if answer { "answers" } else { "silent" },
    );
    if same == here && joined == own && answer && pids {
        conclude("sharing a network is joining a namespace, and nothing else is shared by it");
    }
    drop(server);
    // Its part takes the cable away, in the namespace in which it was laid.
    muted(|| host.within(|| cabled.running.kill().map(drop)))?;
    findings.holds("C167", nothing && bridge);
    findings.holds("C168", same == here && collides && joined == own && answer && pids);
    Ok(())
}
