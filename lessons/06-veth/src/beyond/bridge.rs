//! The bridge: a switch in the host's namespace of which every box's cable is a port, with the address that is the boxes'
//! gateway. The first box makes it, the last one removes it.

use std::net::IpAddr;

use ground::host::forwarding::Share;
use ground::host::network::{Shared, shared_name};
use ground::story::muted;
use ground::{Error, Result};

use super::nft::{self, Hook, Purpose, Rule};
use super::{forwarding, lease};
use crate::netlink::link::{self, Kind, Namespace};
use crate::netlink::{Cidr, Mac, Netlink, address};

/// What is wanted of a bridge, and of the place on it.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The IPv4 network; the first free one of 10.77.0.0/16 when left out.
    pub subnet: Option<Cidr>,
    /// This address of it.
    pub ip: Option<IpAddr>,
    /// This address of the IPv6 network.
    pub ip6: Option<IpAddr>,
    /// Forwarding may be turned on without asking.
    pub yes: bool,
}

/// Makes the bridge unless it is there. The box's share of forwarding.
pub fn stand(shared: &mut Shared, wanted: &Wanted) -> Result<Option<Share>> {
    // What is written down of a bridge that somebody has removed by hand is void.
    if Netlink::route()?.find_link(&shared_name())?.is_none() {
        shared.state.subnets.clear();
    }
    match shared.state.subnets.is_empty() {
        true => make(shared, wanted),
        false => Share::take(),
    }
}

/// Leases addresses on the bridge for the cable with this name.
pub fn join(shared: &mut Shared, link: &str, wanted: &Wanted) -> Result<Vec<Cidr>> {
    let (name, networks) = (shared_name(), networks(shared)?);
    if wanted.subnet.is_some_and(|asked| asked.network() != networks[0].network()) {
        return Err(Error::usage(format!(
            "--subnet: the bridge {name} is there already, with {}",
            networks[0].network()
        )));
    }
    let mut addresses = Vec::new();
    for network in networks {
        let asked = if network.address.is_ipv4() { wanted.ip } else { wanted.ip6 };
        addresses.push(match asked {
            Some(address) => lease::this_address(&shared.state, network, address)?,
            None => lease::free_address(&shared.state, network)?,
        });
    }
    if wanted.ip6.is_some() && addresses.len() < 2 {
        return Err(Error::environment("IPv6 is turned off here, so --ip6 cannot be had"));
    }
    lease::take(&mut shared.state, link, &addresses);
    Ok(addresses)
}

/// Gives the addresses back; the last one out removes the bridge, and the last one of all users turns forwarding off.
pub fn leave(shared: &mut Shared, link: &str) -> Result<()> {
    lease::give_back(&mut shared.state, link);
    let bridged = networks(shared)?;
    let on_bridge = |address: &IpAddr| bridged.iter().any(|network| network.contains(*address));
    match shared.state.leases.iter().flat_map(|lease| &lease.addresses).any(on_bridge) {
        true => shared.save(),
        false => shared.take_down(),
    }
}

/// The networks of the bridge, the one of IPv4 first.
pub fn networks(shared: &Shared) -> Result<Vec<Cidr>> {
    shared.state.subnets.iter().map(|network| network.parse()).collect()
}

fn make(shared: &mut Shared, wanted: &Wanted) -> Result<Option<Share>> {
    let mut netlink = Netlink::route()?;
    let routes = netlink.routes()?;
    let four = match wanted.subnet {
        Some(network) => {
            lease::free_network(&shared.state, &routes, [network.network()].into_iter())?
        }
        None => {
            let nets = (0..=255).map(|n| Cidr::new(IpAddr::from([10, 77, n, 0]), 24));
            lease::free_network(&shared.state, &routes, nets)?
        }
    };
    let mut networks = vec![four];
    if has_ipv6() {
        // fd00::/8 is for whoever wants it, chosen by chance; ours spells bxw.
        let nets = (0..=255).map(|n| Cidr::new([0xfd62, 0x7877, 0, n, 0, 0, 0, 0].into(), 64));
        networks.push(lease::free_network(&shared.state, &routes, nets)?);
    }
    let share = forwarding::turn_on(wanted.yes)?;
    shared.state.subnets = networks.iter().map(Cidr::to_string).collect();
    // From here on a crash leaves something that is written down.
    shared.save()?;
    if let Err(e) = lay(&mut netlink, &networks).and_then(|()| rules(&networks)) {
        drop(share);
        let _ = muted(|| shared.take_down());
        return Err(e);
    }
    Ok(share)
}

// ANCHOR: bridge
/// A switch with the first address of each network: the gateway of its ports.
fn lay(netlink: &mut Netlink, networks: &[Cidr]) -> Result<()> {
    let name = &shared_name();
    let IpAddr::V4(first) = networks[0].nth(1).address else { unreachable!("the first is IPv4") };
    netlink.perform_all([
        link::add(name, Kind::Bridge, Namespace::Here),
        link::set_mac(name, Mac::for_address(first)),
        link::set_alias(name, name),
        link::set_up(name, true),
    ])?;
    forwarding::ignore_announcements(name)?;
    let bridge = netlink.link(name)?;
    // To ask on somebody else's behalf who has an IPv6 address, the bridge needs a link-local one. The kernel's own cannot
    // be used for a second or two; until then nothing from outside would get through.
    let local = Cidr::new([0xfe80, 0, 0, 0, 0, 0, 0, 1].into(), 64);
    let local = networks.iter().any(|network| network.address.is_ipv6()).then_some(local);
    let addresses = networks.iter().map(|network| network.nth(1)).chain(local);
    netlink.perform_all(addresses.map(|cidr| address::add(&bridge, cidr)))
}
// ANCHOR_END: bridge

// ANCHOR: masquerade
/// What the boxes send elsewhere gets the address of the link by which it leaves; nobody outside knows theirs. What comes
/// from elsewhere reaches a box only if it answers, or if it was sent to a published port.
fn rules(networks: &[Cidr]) -> Result<()> {
    let name = &shared_name();
    let loopback = Cidr::new(IpAddr::from([127, 0, 0, 0]), 8);
    let before_tracking = Purpose::Filter { priority: -300, drop: false };
    let mut requests = vec![
        nft::add_table(name),
        nft::add_chain(name, "guard", Hook::Prerouting, before_tracking),
        nft::add_chain(
            name,
            "forward",
            Hook::Forward,
            Purpose::Filter { priority: 0, drop: false },
        ),
        nft::add_chain(name, "postrouting", Hook::Postrouting, Purpose::Nat),
        nft::add_rule(name, "guard", Rule::new().from_link(name).to_network(loopback).drop()),
        nft::add_rule(name, "forward", Rule::new().of_known_connection().accept()),
        nft::add_rule(name, "forward", Rule::new().was_redirected().accept()),
        nft::add_rule(name, "forward", Rule::new().not_from_link(name).to_link(name).drop()),
    ];
    for network in networks {
        let out = Rule::new().from_network(*network).not_to_link(name).masquerade();
        // From a box to a published port of a box: without this the answer would take the short way, past the translation.
        let back = Rule::new().from_network(*network).to_link(name).was_redirected().masquerade();
        requests.push(nft::add_rule(name, "postrouting", out));
        requests.push(nft::add_rule(name, "postrouting", back));
    }
    // From this host's 127.0.0.1 to a published port: no box could answer that.
    let local = Rule::new().from_network(loopback).to_link(name).masquerade();
    requests.push(nft::add_rule(name, "postrouting", local));
    nft::commit(requests)
}
// ANCHOR_END: masquerade

/// Whether a link that is made now may have an IPv6 address.
fn has_ipv6() -> bool {
    let file = |whose| format!("/proc/sys/net/ipv6/conf/{whose}/disable_ipv6");
    let is_on = |whose| std::fs::read_to_string(file(whose)).is_ok_and(|value| value.trim() == "0");
    is_on("all") && is_on("default")
}
