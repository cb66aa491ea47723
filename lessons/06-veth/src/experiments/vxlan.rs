//! Two hosts, one network of boxes.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use veth::beyond::sniff::{Payload, take_all};
use veth::netlink::link::{self, Kind, Namespace};

use crate::stage::{BRIDGED, Node, cable, tell_link};

pub const EXPERIMENT: Experiment = Experiment {
    name: "vxlan",
    title: "boxes on two hosts: frames in UDP, and 50 bytes that do not fit",
    level: Level::Deep,
    claims: &["C166"],
    needs: &Need::and::<6>(BRIDGED, &[Need::Vxlan]),
    run,
};

/// A host with a bridge, and a box at it.
struct Host {
    node: Node,
    inside: Node,
    number: u8,
}

impl Host {
    fn lay(names: [&'static str; 2], number: u8) -> Result<Host> {
        let (node, inside) = (Node::new(names[0])?, Node::new(names[1])?);
        node.perform(link::add("br0", Kind::Bridge, Namespace::Here))?;
        cable((&node, "port1"), (&inside, "eth0"))?;
        node.perform(link::set_master("port1", node.link("br0")?.index, "br0"))?;
        inside.address("eth0", &format!("10.88.0.{number}/24"))?;
        for (node, link) in [(&node, "br0"), (&node, "port1"), (&inside, "eth0")] {
            node.up(link)?;
        }
        inside.settled("eth0")?;
        node.settled("port1")?;
        Ok(Host { node, inside, number })
    }

    /// The tunnel to another host is one more port of the bridge.
    fn tunnel(&self, other: &Host) -> Result<()> {
        let on = self.node.link("uplink")?.index;
        let (local, remote) = ([192, 0, 2, self.number].into(), [192, 0, 2, other.number].into());
        let kind = Kind::Vxlan { id: 42, local, remote, on };
        self.node.perform(link::add("vxlan42", kind, Namespace::Here))?;
        self.node.perform(link::set_master("vxlan42", self.node.link("br0")?.index, "br0"))?;
        self.node.up("vxlan42")
    }
}

/// Two hosts with a cable between them.
fn lay() -> Result<(Host, Host)> {
    let (one, two) = (Host::lay(["host", "box"], 2)?, Host::lay(["host 2", "other"], 3)?);
    cable((&one.node, "uplink"), (&two.node, "uplink"))?;
    for host in [&one, &two] {
        host.node.address("uplink", &format!("192.0.2.{}/24", host.number))?;
        host.node.up("uplink")?;
    }
    one.node.settled("uplink")?;
    two.node.settled("uplink")?;
    Ok((one, two))
}

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "Two hosts that reach each other, each with a bridge and a box. The boxes have addresses of one network",
    );
    let (one, two) = muted(lay)?;
    let hosts = one.node.ping([192, 0, 2, 3])?;
    let before = one.inside.ping([10, 88, 0, 3])?;
    if hosts.went_well() && before.was_lost() {
        conclude(
            "the hosts know each other; of the boxes neither host's bridge knows more than its own",
        );
    }

    step(
        "At each bridge one more port: a VXLAN link, which puts frames into UDP and sends them to the other host",
    );
    one.tunnel(&two)?;
    muted(|| two.tunnel(&one))?;
    let tap = [one.node.tap()?];
    let after = one.inside.ping_with([10, 88, 0, 3], "1 56 1000")?;
    let seen = take_all(&tap)?;
    let carried = seen.iter().filter(|seen| seen.interface == "uplink" && seen.outgoing);
    let carried: Vec<_> = carried
        .filter_map(|seen| seen.packet())
        .filter(|packet| matches!(&packet.payload, Payload::Vxlan(42, _)))
        .filter(|packet| packet.payload.to_string().contains("echo request"))
        .collect();
    for packet in carried.iter().take(1) {
        let words = format!("{} > {} {}", packet.source, packet.destination, packet.payload);
        evidence("AF_PACKET in host, uplink", words);
    }
    if after.went_well() && !carried.is_empty() {
        conclude(
            "an overlay: outside two hosts talk by UDP, inside two boxes talk as if at one switch",
        );
    }

    step("The same with 1472 bytes, which make a packet of 1500");
    let (inner, outer) = (tell_link(&one.inside, "eth0")?, tell_link(&one.node, "vxlan42")?);
    evidence("RTM_GETLINK, MTU of eth0 in box", inner.mtu);
    evidence("RTM_GETLINK, MTU of vxlan42 in host", outer.mtu);
    let large = one.inside.ping_with([10, 88, 0, 3], "1 1472 400")?;
    step("Tell the box: an MTU of 1450");
    one.inside.perform(link::set_mtu("eth0", 1450))?;
    let refused = one.inside.ping_with([10, 88, 0, 3], "1 1472 400")?;
    let trap = outer.mtu + 50 == inner.mtu && large.was_lost() && large.refused.is_none();
    let known = refused.refused.as_deref() == Some("EMSGSIZE");
    if trap && known {
        conclude(
            "with 1500 the packet was lost without a word: a bridge is no router that could send an error. With 1450 the box's own kernel knows",
        );
    }
    findings.because("an overlay encapsulates, as VXLAN does here; routing the boxes' networks, as Calico does by default, joins hosts without one");
    findings.partly(
        "C166",
        before.was_lost() && after.went_well(),
        !carried.is_empty() && trap && known,
    );
    Ok(())
}
