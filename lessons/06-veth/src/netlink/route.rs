//! Routes. See ip-route(8).

use std::net::IpAddr;

use ground::Result;
use nix::errno::Errno;

use super::message::{Message, Received, number};
use super::types::address_of;
use super::{Cidr, Netlink, Request};

/// `struct rtmsg`: family, lengths of destination and source, TOS, table, protocol, scope, type, flags.
const FIXED: usize = 12;

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Whither; `None` is everywhere else: the default route.
    pub destination: Option<Cidr>,
    /// `AF_INET` or `AF_INET6`.
    pub family: u8,
    /// By whom; `None` when the destination is on the link.
    pub gateway: Option<IpAddr>,
    /// The index of the link.
    pub link: Option<u32>,
    /// The address that packets get which have none yet.
    pub source: Option<IpAddr>,
    /// 254 is the main table, 255 what the kernel keeps of its own addresses.
    pub table: u32,
    /// `RTN_…`: 1 is unicast.
    pub kind: u8,
    /// Which of two equal ones is taken: the lower.
    pub metric: Option<u32>,
}

impl Route {
    /// Whether people mean this one when they say route: of the main table, to one or more hosts.
    pub fn is_main(&self) -> bool {
        self.table == u32::from(libc::RT_TABLE_MAIN) && self.kind == libc::RTN_UNICAST
    }

    fn parse(message: &Received) -> Option<Route> {
        if message.kind != libc::RTM_NEWROUTE {
            return None;
        }
        let body = message.body.get(..FIXED)?;
        let (family, prefix, table, kind) = (body[0], body[1], body[4], body[7]);
        let attributes = message.attributes(FIXED);
        let address = |kind| attributes.get(kind).and_then(|value| address_of(family, value));
        let destination = match address(libc::RTA_DST) {
            Some(address) => Some(Cidr::checked(address, prefix)?),
            None => None,
        };
        Some(Route {
            destination,
            family,
            gateway: address(libc::RTA_GATEWAY),
            link: attributes.get(libc::RTA_OIF).and_then(number),
            source: address(libc::RTA_PREFSRC),
            table: attributes.get(libc::RTA_TABLE).and_then(number).unwrap_or(table.into()),
            kind,
            metric: attributes.get(libc::RTA_PRIORITY).and_then(number),
        })
    }
}

// ANCHOR: add-route
/// What is for nobody known goes to `gateway`, which must be reachable without a gateway.
pub fn add_default(gateway: IpAddr) -> Request {
    let message = Message::new(libc::RTM_NEWROUTE, &rtmsg(Cidr::host(gateway).family()))
        .flags(libc::NLM_F_CREATE | libc::NLM_F_EXCL)
        .put(libc::RTA_GATEWAY, &Cidr::host(gateway).octets());
    let six = if gateway.is_ipv6() { "-6 " } else { "" };
    Request::new(
        message,
        format_args!("RTM_NEWROUTE default via {gateway}"),
        format_args!("ip {six}route add default via {gateway}"),
    )
    .hint(Errno::ENETUNREACH, "no address of a link that is up is in the gateway's network")
    .hint(Errno::EEXIST, "there is a default route already")
}
// ANCHOR_END: add-route

/// Takes the default route of a family (of this gateway) away.
pub fn delete_default(gateway: IpAddr) -> Request {
    let message = Message::new(libc::RTM_DELROUTE, &rtmsg(Cidr::host(gateway).family()))
        .put(libc::RTA_GATEWAY, &Cidr::host(gateway).octets());
    Request::new(
        message,
        format_args!("RTM_DELROUTE default via {gateway}"),
        format_args!("ip route del default via {gateway}"),
    )
    .hint(Errno::ESRCH, "there is no such route")
}

/// To everywhere.
fn rtmsg(family: u8) -> [u8; FIXED] {
    let mut fixed = [0; FIXED];
    fixed[0] = family;
    (fixed[4], fixed[5]) = (libc::RT_TABLE_MAIN, libc::RTPROT_BOOT);
    (fixed[6], fixed[7]) = (libc::RT_SCOPE_UNIVERSE, libc::RTN_UNICAST);
    fixed
}

impl Netlink {
    /// All routes of the namespace, in every table.
    pub fn routes(&mut self) -> Result<Vec<Route>> {
        self.dump("RTM_GETROUTE", Message::new(libc::RTM_GETROUTE, &[0; FIXED]), Route::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn never_panics(body: Vec<u8>) {
            let message = Received { kind: libc::RTM_NEWROUTE, flags: 0, sequence: 0, body: &body };
            let _ = Route::parse(&message);
        }
    }
}
