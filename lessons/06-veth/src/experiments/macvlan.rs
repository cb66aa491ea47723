//! A link that shares another one's cable, and bypasses the host.

use std::os::fd::AsFd;

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, muted, step};
use veth::beyond::nft::Hook;
use veth::netlink::link::{self, Kind, Namespace};

use crate::stage::{HOST, Node, OUTSIDE, WITH_RULES, World, rules, tell_link};

pub const EXPERIMENT: Experiment = Experiment {
    name: "macvlan",
    title: "macvlan goes past the host's rules, not past the box's own",
    level: Level::Deep,
    claims: &["C154"],
    needs: &Need::and::<7>(WITH_RULES, &[Need::Macvlan]),
    run,
};

/// A node with a macvlan on the host's uplink.
pub fn on_uplink(world: &World, name: &'static str) -> Result<Node> {
    let node = Node::new(name)?;
    let on = world.host.link("uplink")?.index;
    let namespace = Namespace::Open(node.handle().as_fd());
    world.host.perform(link::add("eth0", Kind::Macvlan { on }, namespace))?;
    node.address("eth0", "203.0.113.10/24")?;
    node.up("eth0")?;
    node.settled("eth0")?;
    Ok(node)
}

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "A box that has no cable: its eth0 is a macvlan on the host's uplink, with a hardware address of its own",
    );
    let world = World::with_outside()?;
    let node = on_uplink(&world, "box")?;
    tell_link(&node, "eth0")?;
    let outside = node.ping(OUTSIDE)?;
    let host = node.ping(HOST)?;
    if outside.went_well() && host.was_lost() {
        conclude(
            "a neighbour of the machine outside. With the host it cannot talk: what goes out by the uplink does not come back in",
        );
    }

    step("The host drops everything, at three hooks");
    muted(|| {
        rules::drop_at(&world.host, "firewall", Hook::Prerouting)?;
        rules::drop_at(&world.host, "firewall", Hook::Input)?;
        rules::drop_at(&world.host, "firewall", Hook::Forward)
    })?;
    let past = node.ping(OUTSIDE)?;
    step("The box drops, too: a rule in its own namespace");
    rules::drop_at(&node, "own", Hook::Output)?;
    let own = node.ping(OUTSIDE)?;
    if past.went_well() && own.was_lost() {
        conclude(
            "the host's rules are not asked; the rules of the box's own namespace are, as always",
        );
    }
    findings.because("only the host's hooks are bypassed; rules in the box's own namespace work, and so do eBPF programs");
    findings.partly("C154", past.went_well(), own.was_lost());
    Ok(())
}
