//! Who is behind which port.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::story::{conclude, step};

use crate::stage::{BRIDGED, Node, World, tell_learnt};

pub const EXPERIMENT: Experiment = Experiment {
    name: "bridge",
    title: "a bridge is a switch: it learns behind which port an address lives",
    level: Level::Core,
    claims: &["C160"],
    needs: BRIDGED,
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("Two boxes, each with a cable to a port of one bridge");
    let world = World::at_bridge()?;
    let other = world.join("other", "port2", "10.77.0.3/24")?;
    let hardware = |node: &Node| Ok::<_, ground::Error>(node.link("eth0")?.mac);
    let (one, two) = (hardware(&world.inside)?, hardware(&other)?);
    world.host.set_sysctl("net.ipv4.ip_forward", "0")?;
    let before = tell_learnt(&world.host, "port2", two)?;

    step("One speaks to the other");
    let ping = world.inside.ping([10, 77, 0, 3])?;
    let learnt = tell_learnt(&world.host, "port1", one)? && tell_learnt(&world.host, "port2", two)?;
    if ping.went_well() && learnt && !before {
        conclude(
            "nobody told the bridge: it looked at the senders. IP was not looked at, forwarding is off here",
        );
    }
    findings.holds("C160", ping.went_well() && learnt);
    Ok(())
}
