//! What it takes to reach the world, one thing at a time.

use std::net::IpAddr;

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::story::{conclude, evidence, step};
use veth::beyond::sniff::Tap;

use crate::stage::{HOST, INSIDE, OUTSIDE, WITH_RULES, World, rules};

pub const EXPERIMENT: Experiment = Experiment {
    name: "way-out",
    title: "a box reaches the world by a route, forwarding and an address that can be answered",
    level: Level::Core,
    claims: &["C163"],
    needs: WITH_RULES,
    run,
};

/// From whom the machine outside has received echo requests since it was last asked: told.
fn requests_outside(tap: &Tap) -> Result<Vec<IpAddr>> {
    let seen = tap.take()?;
    let requests = seen.iter().filter(|seen| seen.is_echo() && !seen.outgoing);
    let mut from: Vec<IpAddr> =
        requests.filter_map(|seen| seen.packet().map(|packet| packet.source)).collect();
    from.dedup();
    let words = from.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ");
    let words = if words.is_empty() { "no echo request".to_string() } else { words };
    evidence("AF_PACKET in outside, echo requests from", words);
    Ok(from)
}

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "A box at a bridge, with a default route. Beside the host is a machine that has never heard of the box",
    );
    let world = World::with_outside()?;
    let tap = world.outside.tap()?;
    let off = world.inside.ping(OUTSIDE)?;
    let nothing = requests_outside(&tap)?.is_empty();
    if off.was_lost() && nothing {
        conclude("the host has both networks and drops what is for another: it is no router");
    }

    step("Let it be one");
    world.forward(true)?;
    let one_way = world.inside.ping(OUTSIDE)?;
    let arrived = requests_outside(&tap)? == [IpAddr::from(INSIDE)];
    if one_way.was_lost() && arrived {
        conclude(
            "the request arrives, the answer does not: the machine outside has no route to 10.77.0.2",
        );
    }

    step(
        "Put the host's address in place of the box's, for whatever leaves by another way than the bridge",
    );
    rules::masquerade(&world.host)?;
    let both_ways = world.inside.ping(OUTSIDE)?;
    let translated = requests_outside(&tap)? == [IpAddr::from(HOST)];
    if both_ways.went_well() && translated {
        conclude(
            "to the machine outside it is the host that asks. The kernel remembers for whom, and turns the answer back",
        );
    }
    findings.holds(
        "C163",
        off.was_lost()
            && nothing
            && one_way.was_lost()
            && arrived
            && both_ways.went_well()
            && translated,
    );
    Ok(())
}
