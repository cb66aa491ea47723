//! The demo: a cable is laid end by end, a part lays one in one go, and a packet is followed into the world.

use std::net::Ipv4Addr;

use clone_pid::beyond::probing;
use clone_pid::{Container, PidNamespace};
use ground::Result;
use ground::card::Card;
use ground::story::{conclude, evidence, muted, note, step};
use ground::text::inode;
use veth::beyond::sniff::{Seen, hops, take_all, tell_hops};
use veth::netlink::link;
use veth::{Loopback, NetworkNamespace, Veth};

use crate::stage::{
    HOST, INSIDE, Node, OUTSIDE, World, cable, rules, tell_addresses, tell_link, tell_links,
    tell_routes, until_timed,
};

/// The host's end of the cable, and the box's.
const NEAR: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const FAR: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

/// Tells the lesson.
pub fn demo() -> Result<()> {
    let host = play_host()?;
    end_by_end(&host)?;
    in_one_go()?;
    follow()?;
    note(
        "ports, modes, VXLAN, macvlan, sysctls, four broken networks: the experiments of this lesson",
    );
    note("what is on your machine: 06-veth topology. A network to mend by hand: 06-veth broken");
    Ok(())
}

fn play_host() -> Result<Node> {
    step(
        "So that nothing happens to your network, this process leaves it for a new one. In this lesson that one is called the host",
    );
    let before = Node::current("host")?.inode()?;
    let host = Node::instead_of_host()?;
    evidence("/proc/self/ns/net, before", inode(before));
    evidence("/proc/self/ns/net, now", inode(host.inode()?));
    Ok(host)
}

fn end_by_end(host: &Node) -> Result<()> {
    step("A box with a network namespace of its own. What is in it?");
    let created = boxed()?.with(NetworkNamespace).create()?;
    let inside = muted(|| Node::of("box", created.child().pid()))?;
    tell_links(&inside)?;
    if tell_routes(&inside)?.is_empty() {
        conclude("lo, switched off, and no way to anywhere");
    }

    step("A cable has two ends. One request makes both: one here, one in the box");
    cable((host, "veth0"), (&inside, "eth0"))?;
    tell_link(host, "veth0")?;
    tell_link(&inside, "eth0")?;

    step("The end here gets an address, and is switched on");
    host.address("veth0", "10.77.0.1/24")?;
    host.up("veth0")?;
    let alone = tell_link(host, "veth0")?;
    if !alone.has_carrier() {
        conclude("on, but without a carrier: nobody is at the other end yet");
    }

    step("The end in the box gets one, too, and is switched on");
    inside.address("eth0", "10.77.0.2/24")?;
    inside.up("eth0")?;
    host.settled("veth0")?;
    inside.settled("eth0")?;
    tell_link(&inside, "eth0")?;
    let near = tell_link(host, "veth0")?;
    let routes = tell_routes(&inside)?;
    if near.has_carrier() && !routes.is_empty() {
        conclude("a carrier at both ends; the route to the neighbours came with the address");
    }
    step("Does anybody answer?");
    let (there, back) = (host.ping(FAR)?, inside.ping(NEAR)?);

    step("What is not for a neighbour needs a route by way of one");
    let refused = inside.ping(OUTSIDE)?;
    inside.default_via(NEAR)?;
    let sent = inside.ping(OUTSIDE)?;
    if there.went_well() && back.went_well() && refused.refused.is_some() && sent.refused.is_none()
    {
        conclude(
            "before, the box's own kernel refused; now the packet leaves. That nobody answers is the host's affair",
        );
    }
    muted(|| host.perform(link::delete("veth0")))
}

fn boxed() -> Result<Container> {
    Ok(probing("interfaces; hold")?.with(PidNamespace))
}

fn in_one_go() -> Result<()> {
    step("The same as two parts of a container: the box is born with its cable");
    let veth = Veth::new("veth0")
        .host_address("10.77.0.1/24".parse()?)
        .address("10.77.0.2/24".parse()?)
        .gateway(NEAR.into());
    let created = boxed()?.with(NetworkNamespace).with(Loopback).with(veth).create()?;
    let inside = muted(|| Node::of("box", created.child().pid()))?;
    tell_addresses(&inside, "lo")?;
    tell_addresses(&inside, "eth0")?;
    tell_routes(&inside)?;
    Card::of(&created.child().process())?.tell()
}

fn follow() -> Result<()> {
    step(
        "A larger network: a box at a bridge, a host that forwards and translates, and beside it a machine that has never heard of the box. Each of the three is a network namespace",
    );
    let world = World::with_outside()?;
    world.forward(true)?;
    rules::masquerade(&world.host)?;

    step("Follow one echo request, with sockets that see every frame of a namespace");
    let taps = muted(|| {
        Ok::<_, ground::Error>([world.inside.tap()?, world.host.tap()?, world.outside.tap()?])
    })?;
    until_timed(&taps, || world.inside.ping_with(OUTSIDE, "1"))?;
    let ping = world.inside.ping_with(OUTSIDE, "1")?;
    let way = hops(&take_all(&taps)?, Seen::is_echo);
    tell_hops(&way);
    let (first, last) = (way.first(), way.iter().rfind(|hop| hop.what == "echo request"));
    let left = first.is_some_and(|hop| hop.source == INSIDE);
    let arrived = last.is_some_and(|hop| hop.source == HOST && hop.place == "outside");
    if ping.went_well() && left && arrived {
        conclude(
            "the request left as the box's and arrived as the host's. The answer came to the host, which knew whose it was",
        );
    }
    Ok(())
}
