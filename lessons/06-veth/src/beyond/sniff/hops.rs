//! The way of one packet, interface by interface.

use std::net::IpAddr;

use ground::story::evidence;
use ground::text::name;

use super::Seen;

/// One interface that a packet crossed, and what its addresses were there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Name of the namespace.
    pub place: String,
    /// Name of the interface.
    pub interface: String,
    /// Sent there, or received.
    pub outgoing: bool,
    /// From.
    pub source: IpAddr,
    /// To.
    pub destination: IpAddr,
    /// Hops that were left.
    pub ttl: u8,
    /// The packet in words.
    pub what: String,
}

/// The IP packets among what was seen, in order.
pub fn hops(seen: &[Seen], wanted: impl Fn(&Seen) -> bool) -> Vec<Hop> {
    let hop = |seen: &Seen| {
        let packet = seen.packet()?;
        Some(Hop {
            place: seen.place.clone(),
            interface: seen.interface.clone(),
            outgoing: seen.outgoing,
            source: packet.source,
            destination: packet.destination,
            ttl: packet.ttl,
            what: packet.payload.to_string(),
        })
    };
    seen.iter().filter(|seen| wanted(seen)).filter_map(hop).collect()
}

/// Tells the way as a table: where, in or out, addresses, and what became of them since the hop before.
pub fn tell_hops(hops: &[Hop]) {
    let mut before: Option<&Hop> = None;
    for (number, hop) in hops.iter().enumerate() {
        let direction = if hop.outgoing { "out of" } else { "in at " };
        let place = format!("{:<2} {:7} {direction} {}", number + 1, hop.place, shown(hop));
        let value = format!(
            "{:>11} > {:11} {}{}",
            hop.source.to_string(),
            hop.destination.to_string(),
            hop.what,
            change(before, hop)
        );
        evidence(place, value);
        before = Some(hop);
    }
}

/// Names that the kit makes up for one run vary.
fn shown(hop: &Hop) -> String {
    match hop.interface.strip_prefix("bxw") {
        Some(rest) if rest.bytes().any(|byte| byte.is_ascii_digit()) && rest.len() > 3 => {
            name(&hop.interface).to_string()
        }
        _ => format!("{:6}", hop.interface),
    }
}

/// What happened between two hops of the same packet. A reply is a packet of its own.
fn change(before: Option<&Hop>, hop: &Hop) -> &'static str {
    let Some(before) = before.filter(|before| before.what == hop.what) else { return "" };
    match () {
        () if before.source != hop.source => "; source translated",
        () if before.destination != hop.destination => "; destination translated",
        () if before.ttl != hop.ttl => "; routed",
        () => "",
    }
}
