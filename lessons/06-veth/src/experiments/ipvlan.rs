//! Several boxes behind one hardware address.

use std::os::fd::AsFd;

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use ground::text::address;
use veth::netlink::Link;
use veth::netlink::link::{self, Kind, Namespace};

use crate::stage::{BRIDGED, HOST, Node, OUTSIDE, World};

pub const EXPERIMENT: Experiment = Experiment {
    name: "ipvlan",
    title: "ipvlan: several boxes on one cable, behind one hardware address",
    level: Level::Deep,
    claims: &["C215"],
    needs: &Need::and::<6>(BRIDGED, &[Need::Ipvlan]),
    run,
};

fn plug(world: &World, name: &'static str, cidr: &str) -> Result<Node> {
    let node = muted(|| Node::new(name))?;
    let on = world.host.link("uplink")?.index;
    let namespace = Namespace::Open(node.handle().as_fd());
    world.host.perform(link::add("eth0", Kind::Ipvlan { on }, namespace))?;
    muted(|| {
        node.address("eth0", cidr)?;
        node.up("eth0")
    })?;
    Ok(node)
}

fn tell_mac(node: &Node, link: &Link) {
    let mac = link.mac.map_or("none".to_string(), |mac| address(mac).to_string());
    node.tell(format!("RTM_GETLINK in {}, hardware address of {}", node.name, link.name), mac);
}

fn run(findings: &mut Findings) -> Result<()> {
    step("Two boxes, each with an ipvlan on the host's uplink");
    let world = World::with_outside()?;
    let one = plug(&world, "box", "203.0.113.10/24")?;
    let two = plug(&world, "other", "203.0.113.11/24")?;
    let (uplink, first, second) =
        (world.host.link("uplink")?, one.link("eth0")?, two.link("eth0")?);
    tell_mac(&world.host, &uplink);
    tell_mac(&one, &first);
    tell_mac(&two, &second);
    let same = uplink.mac.is_some() && first.mac == uplink.mac && second.mac == uplink.mac;

    step("Who reaches whom?");
    let (outside, between, host) =
        (one.ping(OUTSIDE)?, one.ping([203, 0, 113, 11])?, one.ping(HOST)?);
    let told_apart = outside.went_well() && between.went_well();
    evidence("all three share one hardware address", if same { "yes" } else { "no" });
    if same && told_apart && host.was_lost() {
        conclude(
            "the kernel tells them apart by their IP addresses: for networks that allow one hardware address at a port. The host is out of reach, as with macvlan",
        );
    }
    findings.holds("C215", same && told_apart && host.was_lost());
    Ok(())
}
