//! `port`: which ports of the host lead to a box.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use clap::{ArgMatches, Parser};
use ground::error::Kind;
use ground::host::network::Shared;
use ground::{Error, Result};
use veth::beyond::publish::Port as Published;

use super::{arguments, say};
use crate::beyond::runtime::record::State;
use crate::beyond::runtime::store::Store;

/// Show which ports of the host lead to a box
#[derive(Parser)]
#[command(name = "port")]
pub(super) struct Port {
    /// Name, or beginning of an ID
    #[arg(value_name = "BOX")]
    boxed: String,
    /// Only those that lead to this one
    #[arg(value_name = "PORT[/PROTOCOL]", value_parser = wanted)]
    port: Option<Wanted>,
}

type Wanted = (u16, String);

fn wanted(word: &str) -> Result<Wanted> {
    let wrong = || Error::usage("a port of the box is wanted, like 80 or 53/udp");
    let (port, protocol) = word.split_once('/').unwrap_or((word, "tcp"));
    let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
    match protocol {
        "tcp" | "udp" => Ok((port, protocol.to_string())),
        _ => Err(wrong()),
    }
}

/// A box that does not run has none: its ports are anybody's.
pub(super) fn run(matches: &ArgMatches) -> Result<u8> {
    let Port { boxed, port } = arguments(matches)?;
    let boxed = Store::open()?.find(&boxed)?;
    let (state, flags) = (boxed.look()?, boxed.understand(&[], None)?.0);
    let all = if state.status.lives() { &flags.publish[..] } else { &[] };
    let six = all.is_empty() || has_ipv6(&state)?;
    let Some((number, protocol)) = port else {
        for port in all {
            let inside = format!("{}/{}", port.inside, port.protocol.word());
            addresses(port, six).into_iter().try_for_each(|at| say(format!("{inside} -> {at}")))?;
        }
        return Ok(0);
    };
    let asked = |port: &&Published| port.inside == number && port.protocol.word() == protocol;
    let found: Vec<_> = all.iter().filter(asked).collect();
    if found.is_empty() {
        let what =
            format!("no port of the host leads to {number}/{protocol} of {}", boxed.spec.name);
        return Err(Error::new(Kind::Failed, what).remedy("`run --publish HOST:BOX` makes one"));
    }
    found.into_iter().flat_map(|port| addresses(port, six)).try_for_each(say)?;
    Ok(0)
}

/// Where the host takes what is sent to it.
fn addresses(port: &Published, six: bool) -> Vec<SocketAddr> {
    let every = [IpAddr::from(Ipv4Addr::UNSPECIFIED), IpAddr::from(Ipv6Addr::UNSPECIFIED)];
    let every = if six { &every[..] } else { &every[..1] };
    let addresses = port.address.as_ref().map_or(every, std::slice::from_ref);
    addresses.iter().map(|address| SocketAddr::new(*address, port.host)).collect()
}

/// Whether it has an address to which the host's IPv6 ports could lead: as it was written down when it was plugged in.
fn has_ipv6(state: &State) -> Result<bool> {
    let leases = Shared::lock()?.state.leases.clone();
    let ours = leases.iter().filter(|lease| lease.run == state.run);
    Ok(ours.flat_map(|lease| &lease.addresses).any(IpAddr::is_ipv6))
}
