//! Both ends must be up, and have an address.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use veth::netlink::link;

use crate::stage::{Node, cable, tell_link};

pub const EXPERIMENT: Experiment = Experiment {
    name: "cable",
    title: "a cable carries when both ends are up, and goes when one end goes",
    level: Level::Core,
    claims: &["C151"],
    needs: &[Need::Admin, Need::Clone3, Need::NetworkNamespaces, Need::Veth],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    let (host, inside) = muted(|| Ok::<_, ground::Error>((Node::new("host")?, Node::new("box")?)))?;
    step("A cable between two namespaces, an address at each end, and only the host's end on");
    cable((&host, "v0"), (&inside, "eth0"))?;
    host.address("v0", "10.77.0.1/24")?;
    inside.address("eth0", "10.77.0.2/24")?;
    host.up("v0")?;
    let lost = host.ping([10, 77, 0, 2])?;
    let alone = tell_link(&host, "v0")?;
    let dark = alone.is_up() && !alone.has_carrier() && lost.was_lost();
    if dark {
        conclude("on, and without a carrier: as with a plug that is in a wall and nowhere else");
    }

    step("Switch the other end on");
    inside.up("eth0")?;
    inside.settled("eth0")?;
    host.settled("v0")?;
    let lit = tell_link(&host, "v0")?;
    let (there, back) = (host.ping([10, 77, 0, 2])?, inside.ping([10, 77, 0, 1])?);
    let carries = lit.has_carrier() && there.went_well() && back.went_well();

    step("Delete one end");
    host.perform(link::delete("v0"))?;
    let both_gone = inside.links()?.iter().all(|link| link.name != "eth0");
    evidence("RTM_GETLINK in box, eth0", if both_gone { "not there" } else { "still there" });
    if carries && both_gone {
        conclude(
            "a pair is one thing with two ends. When a namespace ends, the ends in it go the same way",
        );
    }
    findings.holds("C151", dark && carries && both_gone);
    Ok(())
}
