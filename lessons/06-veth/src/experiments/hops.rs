//! One packet on each interface that it crosses.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::story::{conclude, muted, step};
use veth::beyond::sniff::{Seen, hops, take_all, tell_hops};

use crate::stage::{HOST, INSIDE, OUTSIDE, WITH_RULES, World, rules, until_timed};

pub const EXPERIMENT: Experiment = Experiment {
    name: "hops",
    title: "one packet is seen on the box's eth0, the bridge's port, the bridge and the uplink",
    level: Level::Deep,
    claims: &["C159"],
    needs: WITH_RULES,
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "A box that reaches the world, and a socket that sees all frames in each of the three namespaces",
    );
    let world = World::with_outside()?;
    muted(|| world.forward(true).and_then(|()| rules::masquerade(&world.host)))?;
    let taps = [world.inside.tap()?, world.host.tap()?, world.outside.tap()?];
    until_timed(&taps, || world.inside.ping_with(OUTSIDE, "1"))?;
    step("One echo request from the box");
    let ping = world.inside.ping_with(OUTSIDE, "1")?;
    let way = hops(&take_all(&taps)?, Seen::is_echo);
    tell_hops(&way);
    let there: Vec<_> = way.iter().take_while(|hop| hop.what == "echo request").collect();
    let names: Vec<&str> = there.iter().map(|hop| hop.interface.as_str()).collect();
    let in_order = names == ["eth0", "port1", "br0", "uplink", "eth0"];
    let inside = there.iter().take(3).all(|hop| hop.source == INSIDE);
    let outside = there.iter().skip(3).all(|hop| hop.source == HOST);
    if in_order && inside && outside {
        conclude(
            "two steps: out of the box's namespace to the bridge, and out of the host's by its uplink. In between the packet was routed and its source replaced",
        );
    }
    findings.holds("C159", ping.went_well() && in_order && inside && outside);
    Ok(())
}
