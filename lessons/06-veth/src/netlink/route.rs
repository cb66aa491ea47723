//! Routes. See ip-route(8).

use std::net::IpAddr;

use ground::Result;
use nix::errno::Errno;

use super::message::{Message, Received, number};
use super::types::address_of;
use super::{Cidr, Link, Netlink, Request, shown};

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
    let message = Message::new(libc::RTM_NEWROUTE, &rtmsg(Cidr::host(gateway).family(), 0))
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

/// Adds a route to a network: by a gateway, or over a link to which it is connected.
pub fn add(destination: Cidr, gateway: Option<IpAddr>, link: Option<&Link>) -> Request {
    change(libc::RTM_NEWROUTE, "add", destination, gateway, link)
}

/// Takes a route away.
pub fn delete(destination: Cidr, gateway: Option<IpAddr>, link: Option<&Link>) -> Request {
    change(libc::RTM_DELROUTE, "del", destination, gateway, link)
}

/// Takes the default route of a family (of this gateway) away.
pub fn delete_default(gateway: IpAddr) -> Request {
    let message = Message::new(libc::RTM_DELROUTE, &rtmsg(Cidr::host(gateway).family(), 0))
        .put(libc::RTA_GATEWAY, &Cidr::host(gateway).octets());
    Request::new(
        message,
        format_args!("RTM_DELROUTE default via {gateway}"),
        format_args!("ip route del default via {gateway}"),
    )
    .hint(Errno::ESRCH, "there is no such route")
}

fn change(
    kind: u16,
    verb: &str,
    destination: Cidr,
    gateway: Option<IpAddr>,
    link: Option<&Link>,
) -> Request {
    let mut message = Message::new(kind, &rtmsg(destination.family(), destination.prefix))
        .put(libc::RTA_DST, &destination.network().octets());
    if kind == libc::RTM_NEWROUTE {
        message = message.flags(libc::NLM_F_CREATE | libc::NLM_F_EXCL);
    }
    let mut words = destination.network().to_string();
    if let Some(gateway) = gateway {
        message = message.put(libc::RTA_GATEWAY, &Cidr::host(gateway).octets());
        words.push_str(&format!(" via {gateway}"));
    }
    if let Some(link) = link {
        message = message.number(libc::RTA_OIF, link.index);
        words.push_str(&format!(" dev {}", shown(&link.name)));
    }
    let six = if destination.address.is_ipv6() { "-6 " } else { "" };
    let name = if verb == "add" { "RTM_NEWROUTE" } else { "RTM_DELROUTE" };
    Request::new(
        message,
        format_args!("{name} {words}"),
        format_args!("ip {six}route {verb} {words}"),
    )
    .hint(Errno::EEXIST, "there is such a route already")
    .hint(Errno::ESRCH, "there is no such route")
}

fn rtmsg(family: u8, prefix: u8) -> [u8; FIXED] {
    let mut fixed = [0; FIXED];
    (fixed[0], fixed[1]) = (family, prefix);
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
