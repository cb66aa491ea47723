//! Published ports: `-p [IP:]HOST:BOX[/udp]`. What is sent to the host's port gets another destination: the box's.
//!
//! Two hooks see it: prerouting what comes from outside, output what this host sends to itself. What it sends to 127.0.0.1
//! is special: as a source 127.0.0.1 may not leave the machine, and as a destination not come in. `route_localnet`, on our
//! bridge only, allows the one; the bridge's masquerade gives the box an address to answer to; and the bridge's guard drops
//! what a box itself sends to 127.0.0.0/8, which would else reach the services that this host keeps to itself. IPv6 has no
//! such switch: `[::1]:HOST` is refused, and a client that tries every address of `localhost` goes on to 127.0.0.1.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::str::FromStr;

use ground::call::quietly;
use ground::host::network::shared_name;
use ground::lesson::run_name;
use ground::{Error, Result};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, bind, setsockopt, socket, sockopt,
};

use super::forwarding;
use super::nft::{self, Hook, Protocol, Purpose, Rule};
use crate::netlink::{Cidr, Request};

/// Which port of the host leads to which port of the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// Only this address of the host; all when left out.
    pub address: Option<IpAddr>,
    /// Of the host.
    pub host: u16,
    /// Of the box.
    pub inside: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
}

impl FromStr for Port {
    type Err = Error;

    fn from_str(word: &str) -> Result<Port> {
        let wrong = || {
            Error::usage("[IP:]HOST:BOX[/tcp|/udp] is wanted, like 8080:80 or 127.0.0.1:53:53/udp")
        };
        let (ports, protocol) = match word.rsplit_once('/') {
            None => (word, Protocol::Tcp),
            Some((ports, "tcp")) => (ports, Protocol::Tcp),
            Some((ports, "udp")) => (ports, Protocol::Udp),
            Some(_) => return Err(wrong()),
        };
        let (rest, inside) = ports.rsplit_once(':').ok_or_else(wrong)?;
        let (address, host) = match rest.rsplit_once(':') {
            Some((address, host)) => (Some(ip(address).ok_or_else(wrong)?), host),
            None => (None, rest),
        };
        let port = |word: &str| {
            let digits = !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
            word.parse()
                .ok()
                .filter(|port| digits && *port > 0)
                .ok_or_else(|| Error::usage(format!("{word:?} is no port: from 1 to 65535")))
        };
        Ok(Port { address, host: port(host)?, inside: port(inside)?, protocol })
    }
}

/// An IPv6 address stands in brackets.
fn ip(word: &str) -> Option<IpAddr> {
    match word.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::from),
        None => word.parse::<Ipv4Addr>().ok().map(IpAddr::from),
    }
}

/// The host's ports, held: bound and never listened on, so that nobody else takes them, and we learn if somebody has.
pub type Held = Vec<OwnedFd>;

/// Takes the ports.
pub fn hold(ports: &[Port], with_ipv6: bool) -> Result<Held> {
    let mut held = Vec::new();
    for port in ports {
        let every = [IpAddr::from([0; 4]), IpAddr::from([0u16; 8])];
        let every = if with_ipv6 { &every[..] } else { &every[..1] };
        let addresses = port.address.as_ref().map_or(every, std::slice::from_ref);
        for address in addresses {
            held.push(bound(SocketAddr::new(*address, port.host), port.protocol)?);
        }
    }
    Ok(held)
}

fn bound(at: SocketAddr, protocol: Protocol) -> Result<OwnedFd> {
    let kind = match protocol {
        Protocol::Tcp => SockType::Stream,
        Protocol::Udp => SockType::Datagram,
    };
    let family = if at.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    quietly(format_args!("bind {} {at}", protocol.word()))
        .hint(Errno::EADDRINUSE, "the port is in use; choose another one for -p")
        .hint(Errno::EADDRNOTAVAIL, "no link of this host has that address")
        .run(|| {
            let socket = socket(family, kind, SockFlag::SOCK_CLOEXEC, None)?;
            if at.is_ipv6() {
                setsockopt(&socket, sockopt::Ipv6V6Only, &true)?;
            }
            bind(socket.as_raw_fd(), &SockaddrStorage::from(at)).map(|()| socket)
        })
}

// ANCHOR: publish
/// A table of this run's own, with a rule for each port at each of the two hooks: it goes in one piece.
pub fn publish(ports: &[Port], addresses: &[Cidr]) -> Result<()> {
    let table = run_name();
    let chains = [("prerouting", Hook::Prerouting), ("output", Hook::Output)];
    let mut requests = vec![nft::add_table(table)];
    for (chain, hook) in chains {
        requests.push(nft::add_chain(table, chain, hook, Purpose::Nat));
        requests.extend(rules(table, chain, ports, addresses));
    }
    // The setting goes with the bridge.
    forwarding::write(&format!("/proc/sys/net/ipv4/conf/{}/route_localnet", shared_name()), "1")?;
    nft::commit(requests)
}

fn rules(table: &str, chain: &str, ports: &[Port], addresses: &[Cidr]) -> Vec<Request> {
    let mut requests = Vec::new();
    for port in ports {
        for to in addresses.iter().map(|cidr| cidr.address) {
            let rule = match port.address {
                Some(address) if address.is_ipv4() != to.is_ipv4() => continue,
                Some(address) => Rule::new().to_network(Cidr::host(address)),
                None if to.is_ipv6() => {
                    Rule::new().not_to_address(Ipv6Addr::LOCALHOST.into()).to_local()
                }
                None => Rule::new().of_ipv4().to_local(),
            };
            let rule = rule.to_port(port.protocol, port.host).redirect_to(to, port.inside);
            requests.push(nft::add_rule(table, chain, rule));
        }
    }
    requests
}
// ANCHOR_END: publish

#[cfg(test)]
mod tests {
    use super::*;

    fn port(word: &str) -> Option<Port> {
        word.parse().ok()
    }

    #[test]
    fn a_port_is_written_as_docker_writes_it() {
        let tcp = Port { address: None, host: 8080, inside: 80, protocol: Protocol::Tcp };
        assert_eq!(port("8080:80"), Some(tcp));
        assert_eq!(port("8080:80/tcp"), Some(tcp));
        assert_eq!(port("8080:80/udp"), Some(Port { protocol: Protocol::Udp, ..tcp }));
        let local = Some(IpAddr::from([127, 0, 0, 1]));
        assert_eq!(port("127.0.0.1:8080:80"), Some(Port { address: local, ..tcp }));
        let six = Some(IpAddr::from(Ipv6Addr::LOCALHOST));
        assert_eq!(port("[::1]:8080:80"), Some(Port { address: six, ..tcp }));
    }

    #[test]
    fn what_is_no_port_is_refused() {
        let wrong = [
            "",
            "80",
            ":80",
            "80:",
            "0:80",
            "80:0",
            "80:65536",
            "80:80/sctp",
            "x:1:2",
            "::1:1:2",
            "+1:2",
            "1:2:3:4",
            "80:80/tcp/tcp",
        ];
        wrong.iter().for_each(|word| assert_eq!(port(word), None, "{word}"));
    }
}
