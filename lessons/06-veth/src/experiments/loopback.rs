//! What it takes to talk to oneself.

use std::net::Ipv4Addr;

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, step};
use veth::netlink::link;

use crate::stage::{Node, tell_addresses, tell_link};

pub const EXPERIMENT: Experiment = Experiment {
    name: "loopback",
    title: "lo needs to be switched on; its addresses come by themselves",
    level: Level::Core,
    claims: &["C144", "C145"],
    needs: &[Need::Admin, Need::Clone3, Need::NetworkNamespaces],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("A new network namespace. Its only interface is off. Does it reach itself?");
    let node = Node::new("box")?;
    let before = node.ping(Ipv4Addr::LOCALHOST)?;
    let connect = node.run("udp-connect 127.0.0.1:9")?.text;
    box_evidence("a UDP socket", connect.lines().next().unwrap_or_default());
    let unreachable = connect.contains("ENETUNREACH");
    if before.was_lost() && unreachable {
        conclude("refused by its own kernel: with lo off there is no route to 127.0.0.1 either");
    }

    step("Switch lo on, and do nothing else");
    node.perform(link::set_loopback_up())?;
    let state = tell_link(&node, "lo")?;
    let addresses = tell_addresses(&node, "lo")?;
    let after = node.ping(Ipv4Addr::LOCALHOST)?;
    let by_itself = addresses.iter().any(|cidr| cidr == "127.0.0.1/8");
    if by_itself && after.went_well() {
        conclude(
            "nobody gave it an address: the kernel adds 127.0.0.1/8, and ::1 where it has IPv6, when lo goes up",
        );
    }
    findings.because("up is enough; the kernel adds the addresses");
    findings.holds("C144", before.was_lost() && unreachable);
    findings.partly("C145", state.is_up() && after.went_well(), by_itself);
    Ok(())
}
