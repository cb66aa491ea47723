//! What the two sides of a cable are called, and who is the gateway.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::story::{conclude, evidence, step};

use crate::stage::{BRIDGED, World, tell_addresses, tell_link, tell_routes};

pub const EXPERIMENT: Experiment = Experiment {
    name: "default-route",
    title: "in the box eth0 and a default route, on the host a port of the bridge, which is the gateway",
    level: Level::Deep,
    claims: &["C152", "C161"],
    needs: BRIDGED,
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("A box at a bridge, as container engines arrange it. Inside");
    let world = World::at_bridge()?;
    let inner = tell_link(&world.inside, "eth0")?;
    let inside = tell_routes(&world.inside)?;
    step("On the host");
    let outer = tell_link(&world.host, "port1")?;
    let bridge = world.host.link("br0")?;
    let gateway = tell_addresses(&world.host, "br0")?;
    let outside = tell_routes(&world.host)?;

    let pair = inner.peer == Some(outer.index) && outer.peer == Some(inner.index);
    let port = outer.master == Some(bridge.index);
    evidence("RTM_GETLINK in host, master of port1", if port { "br0" } else { "not br0" });
    let leaves = inside.iter().any(|route| route == "default via 10.77.0.1 dev eth0");
    let same = gateway.iter().any(|cidr| cidr == "10.77.0.1/24");
    let reaches = outside.iter().any(|route| route == "10.77.0.0/24 dev br0");
    let ping = world.host.ping([10, 77, 0, 2])?;
    if pair && port && leaves && same && reaches && ping.went_well() {
        conclude(
            "a veth pair is only the cable; bridge, addresses and routes make a network of it",
        );
    }
    findings.holds("C152", pair && port && leaves);
    findings.holds("C161", leaves && same && reaches && ping.went_well());
    Ok(())
}
