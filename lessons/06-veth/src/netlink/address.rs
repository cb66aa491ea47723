//! Addresses of links. See ip-address(8).

use std::net::IpAddr;

use ground::Result;
use nix::errno::Errno;

use super::message::{Message, Received, number};
use super::types::address_of;
use super::{Cidr, Link, Netlink, Request, shown};

/// `struct ifaddrmsg`: family, length of the prefix, flags, scope, index of the link.
const FIXED: usize = 8;

/// An address of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The index of the link.
    pub link: u32,
    /// The address and its network.
    pub cidr: Cidr,
    /// How far it is known: 0 everywhere, 253 on this link, 254 in this host.
    pub scope: u8,
    /// `IFA_F_…`
    pub flags: u32,
}

impl Address {
    fn parse(message: &Received) -> Option<Address> {
        if message.kind != libc::RTM_NEWADDR {
            return None;
        }
        let [family, prefix, flags, scope] = *message.body.first_chunk()?;
        let link = number(message.body.get(4..)?)?;
        let attributes = message.attributes(FIXED);
        // On a point-to-point link IFA_ADDRESS is the other end's.
        let value = attributes.get(libc::IFA_LOCAL).or(attributes.get(libc::IFA_ADDRESS))?;
        let cidr = Cidr::checked(address_of(family, value)?, prefix)?;
        let flags = attributes.get(libc::IFA_FLAGS).and_then(number).unwrap_or(flags.into());
        Some(Address { link, cidr, scope, flags })
    }
}

// ANCHOR: add-address
/// Gives a link an address. The network of it becomes a route of itself.
pub fn add(link: &Link, cidr: Cidr) -> Request {
    let message = message(libc::RTM_NEWADDR, link.index, cidr)
        .flags(libc::NLM_F_CREATE | libc::NLM_F_EXCL)
        // An IPv6 address cannot be used for a second or two while the kernel asks whether another has it. Nobody can.
        .number(libc::IFA_FLAGS, libc::IFA_F_NODAD);
    let name = shown(&link.name);
    let (what, like) =
        (format!("RTM_NEWADDR {cidr} on {name}"), format!("ip addr add {cidr} dev {name}"));
    Request::new(message, what, like)
        .hint(Errno::EINVAL, "IPv6 needs links with an MTU of at least 1280")
        .hint(Errno::EACCES, "IPv6 is turned off; see /proc/sys/net/ipv6/conf/*/disable_ipv6")
}
// ANCHOR_END: add-address

/// Takes an address away.
pub fn delete(link: &Link, cidr: Cidr) -> Request {
    let name = shown(&link.name);
    let (what, like) =
        (format!("RTM_DELADDR {cidr} on {name}"), format!("ip addr del {cidr} dev {name}"));
    Request::new(message(libc::RTM_DELADDR, link.index, cidr), what, like)
}

fn message(kind: u16, link: u32, cidr: Cidr) -> Message {
    let mut fixed = [0; FIXED];
    fixed[0] = cidr.family();
    fixed[1] = cidr.prefix;
    fixed[4..].copy_from_slice(&link.to_ne_bytes());
    let octets = cidr.octets();
    let message = Message::new(kind, &fixed).put(libc::IFA_LOCAL, &octets);
    let message = message.put(libc::IFA_ADDRESS, &octets);
    match cidr.broadcast() {
        Some(IpAddr::V4(all)) => message.put(libc::IFA_BROADCAST, &all.octets()),
        _ => message,
    }
}

impl Netlink {
    /// All addresses of the namespace.
    pub fn addresses(&mut self) -> Result<Vec<Address>> {
        self.dump("RTM_GETADDR", Message::new(libc::RTM_GETADDR, &[0; FIXED]), Address::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::message::messages;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn never_panics(body: Vec<u8>) {
            let message = Received { kind: libc::RTM_NEWADDR, flags: 0, sequence: 0, body: &body };
            let _ = Address::parse(&message);
        }
    }

    #[test]
    fn what_is_asked_for_reads_back() {
        for word in ["10.77.0.2/24", "fd00::2/64", "10.0.0.1/32", "10.0.0.0/31"] {
            let cidr: Cidr = word.parse().unwrap();
            let built = message(libc::RTM_NEWADDR, 9, cidr).finish(1);
            let address = Address::parse(&messages(&built).next().unwrap()).unwrap();
            assert_eq!((address.link, address.cidr), (9, cidr));
        }
    }
}
