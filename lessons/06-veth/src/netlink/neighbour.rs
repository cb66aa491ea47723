//! Neighbours: which hardware address an IP address has on a link; and which port of a bridge leads to a hardware address,
//! its forwarding database. Both are asked for by the same message. See ip-neighbour(8), bridge(8).

use std::net::IpAddr;

use ground::Result;

use super::message::{Message, Received, number, short};
use super::types::address_of;
use super::{Mac, Netlink};

/// `struct ndmsg`: family, index of the link, state, flags, type.
const FIXED: usize = 12;

/// An entry of the neighbours' table, or of a bridge's forwarding database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The index of the link; of a forwarding database, of the port.
    pub link: u32,
    /// Its IP address; a forwarding database has none.
    pub address: Option<IpAddr>,
    /// Its hardware address, when known.
    pub mac: Option<Mac>,
    /// `NUD_…`
    pub state: u16,
    /// The index of the bridge.
    pub bridge: Option<u32>,
}

impl Neighbour {
    /// Whether the bridge has learnt it from a frame that came in; what it knows of itself is permanent.
    pub fn is_learnt(&self) -> bool {
        self.state & 0x80 == 0
    }

    fn parse(message: &Received) -> Option<Neighbour> {
        if message.kind != libc::RTM_NEWNEIGH {
            return None;
        }
        let family = *message.body.first()?;
        let attributes = message.attributes(FIXED);
        let lladdr = attributes.get(libc::NDA_LLADDR);
        Some(Neighbour {
            link: number(message.body.get(4..)?)?,
            address: attributes.get(libc::NDA_DST).and_then(|value| address_of(family, value)),
            mac: lladdr.and_then(|value| value.try_into().ok()).map(Mac),
            state: short(message.body.get(8..)?)?,
            bridge: attributes.get(libc::NDA_MASTER).and_then(number),
        })
    }
}

impl Netlink {
    /// Which hardware addresses are known of IP addresses.
    pub fn neighbours(&mut self) -> Result<Vec<Neighbour>> {
        self.neighbours_of(0)
    }

    /// Which ports of bridges lead to which hardware addresses.
    pub fn forwarding_database(&mut self) -> Result<Vec<Neighbour>> {
        self.neighbours_of(libc::AF_BRIDGE as u8)
    }

    fn neighbours_of(&mut self, family: u8) -> Result<Vec<Neighbour>> {
        let mut fixed = [0; FIXED];
        fixed[0] = family;
        self.dump("RTM_GETNEIGH", Message::new(libc::RTM_GETNEIGH, &fixed), Neighbour::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn never_panics(body: Vec<u8>) {
            let message = Received { kind: libc::RTM_NEWNEIGH, flags: 0, sequence: 0, body: &body };
            let _ = Neighbour::parse(&message);
        }
    }
}
