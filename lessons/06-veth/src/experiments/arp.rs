//! How a neighbour is found.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::story::{conclude, evidence, step};
use ground::text::address;
use veth::beyond::sniff::{Content, Seen, take_all};
use veth::netlink::Netlink;

use crate::stage::{BRIDGED, INSIDE, World};

pub const EXPERIMENT: Experiment = Experiment {
    name: "arp",
    title: "a box finds its neighbour by a question to everybody and an answer to one",
    level: Level::Deep,
    claims: &["C162"],
    needs: BRIDGED,
    run,
};

/// The frames of interest, as seen on one interface.
fn on<'a>(seen: &'a [Seen], place: &str, interface: &str) -> Vec<&'a Seen> {
    let there = |seen: &&Seen| seen.place == place && seen.interface == interface;
    let speaks = |seen: &&Seen| matches!(seen.frame.content, Content::Arp { .. }) || seen.is_echo();
    seen.iter().filter(there).filter(speaks).collect()
}

fn words(seen: &Seen) -> String {
    let what = match &seen.frame.content {
        Content::Arp { request: true, target, .. } => format!("ARP: who has {target}?"),
        Content::Arp { request: false, sender, .. } => format!("ARP: {sender} is at my address"),
        Content::Ip(packet) => packet.payload.to_string(),
        Content::Other(kind) => format!("{kind:#06x}"),
    };
    let to = match seen.frame.is_broadcast() {
        true => "everybody".to_string(),
        false => address(seen.frame.destination).to_string(),
    };
    format!("{what} from {} to {to}", address(seen.frame.source))
}

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "Three boxes at one bridge, none of which has heard of the others. Listen at the bridge's three ports",
    );
    let world = World::at_bridge()?;
    let other = world.join("other", "port2", "10.77.0.3/24")?;
    let third = world.join("third", "port3", "10.77.0.4/24")?;
    let taps = [world.inside.tap()?, other.tap()?, third.tap()?];
    step("The first speaks to the second");
    let ping = world.inside.ping_with([10, 77, 0, 3], "1")?;
    let seen = take_all(&taps)?;
    let [first, second, bystander] =
        [on(&seen, "box", "eth0"), on(&seen, "other", "eth0"), on(&seen, "third", "eth0")];
    for seen in first.iter().take(4) {
        evidence("AF_PACKET in box, eth0", words(seen));
    }
    evidence("AF_PACKET in third, eth0, frames", bystander.len());
    for seen in &bystander {
        evidence("AF_PACKET in third, eth0", words(seen));
    }
    let question = |seen: &Seen| matches!(seen.frame.content, Content::Arp { request: true, sender, .. } if sender == INSIDE);
    let flooded = [&first, &second, &bystander]
        .iter()
        .all(|all| all.iter().any(|seen| question(seen) && seen.frame.is_broadcast()));
    let own = world.inside.link("eth0")?.mac;
    let answered = first.iter().any(|seen| {
        matches!(seen.frame.content, Content::Arp { request: false, .. })
            && Some(seen.frame.destination) == own
    });
    let unicast = !bystander.iter().any(|seen| seen.is_echo());
    let neighbours = world.inside.within(Netlink::route)?.neighbours()?;
    let hardware = other.link("eth0")?.mac;
    let known = neighbours.iter().any(|entry| entry.mac == hardware && hardware.is_some());
    let value = if known { "the other's hardware address" } else { "not known" };
    evidence("RTM_GETNEIGH in box, 10.77.0.3", value);
    if flooded && answered && unicast {
        conclude(
            "the question reached the third box as well, the answer and the echoes did not: the bridge had learnt by then",
        );
    }
    findings.holds("C162", ping.went_well() && flooded && answered && unicast && known);
    Ok(())
}
