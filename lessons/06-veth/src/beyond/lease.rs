//! Addresses: each is given to one box at a time. What is taken is written down by `ground::host::network`.

use std::net::IpAddr;

use ground::host::network::{Lease, State};
use ground::lesson::run_name;
use ground::{Error, Result};

use crate::netlink::{Cidr, Route};

/// How many addresses are tried before a network counts as exhausted.
const MOST: u128 = 1 << 16;

/// Whether somebody has it.
pub fn is_taken(state: &State, address: IpAddr) -> bool {
    state.leases.iter().any(|lease| lease.addresses.contains(&address))
}

/// The lowest address of a network that nobody has. The first is the gateway's; the last of an IPv4 network is broadcast.
pub fn free_address(state: &State, network: Cidr) -> Result<Cidr> {
    let hosts = 1u128.checked_shl(network.host_bits().into()).unwrap_or(u128::MAX);
    let last = if network.address.is_ipv4() { hosts.saturating_sub(1) } else { hosts };
    let free = (2..last.min(MOST)).map(|n| network.nth(n));
    let mut free = free.filter(|cidr| !is_taken(state, cidr.address));
    free.next().ok_or_else(|| {
        Error::environment(format!("every address of {} is taken", network.network()))
            .remedy("choose a larger one by --subnet, or end some boxes")
    })
}

/// The address that was asked for, if it can be had.
pub fn this_address(state: &State, network: Cidr, address: IpAddr) -> Result<Cidr> {
    let cidr = Cidr::new(address, network.prefix);
    let (net, first) = (network.network(), network.nth(1).address);
    let wrong = |why: &str| Err(Error::usage(format!("address {address}: {why}")));
    if !network.contains(address) {
        return wrong(&format!("it is not in the bridge's network, {net}"));
    }
    if address == first {
        return wrong("that is the gateway's");
    }
    if cidr.network() == cidr || cidr.broadcast() == Some(address) {
        return wrong(&format!("it means {net} as a whole, and no host of it"));
    }
    match state.leases.iter().find(|lease| lease.addresses.contains(&address)) {
        Some(lease) => wrong(&format!("{} has it", lease.run)),
        None => Ok(cidr),
    }
}

/// The first network that no route of this namespace leads to and no box has an address of.
pub fn free_network(
    state: &State,
    routes: &[Route],
    mut candidates: impl Iterator<Item = Cidr>,
) -> Result<Cidr> {
    let used = |network: &Cidr| {
        let routed = routes.iter().filter_map(|route| route.destination);
        let leased = state.leases.iter().flat_map(|lease| &lease.addresses);
        routed.into_iter().any(|destination| destination.overlaps(network))
            || leased.into_iter().any(|address| network.contains(*address))
    };
    candidates.find(|network| !used(network)).ok_or_else(|| {
        Error::environment("every network of ours is in use here").remedy("choose one by --subnet")
    })
}

/// Writes down who has these addresses.
pub fn take(state: &mut State, link: &str, addresses: &[Cidr]) {
    let addresses = addresses.iter().map(|cidr| cidr.address).collect();
    state.leases.push(Lease { run: run_name().into(), link: link.into(), addresses });
}

/// Gives the addresses of a link back.
pub fn give_back(state: &mut State, link: &str) {
    state.leases.retain(|lease| lease.run != run_name() || lease.link != link);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(word: &str) -> Cidr {
        word.parse().unwrap()
    }

    fn state(addresses: &[&str]) -> State {
        let addresses = addresses.iter().map(|a| a.parse().unwrap()).collect();
        let lease = Lease { run: "bxw-0-run-1".into(), link: "bxw1".into(), addresses };
        State { leases: vec![lease], ..State::default() }
    }

    #[test]
    fn the_lowest_free_address_is_given() {
        let network = cidr("10.77.0.0/24");
        let state = state(&["10.77.0.2", "10.77.0.3", "10.77.0.5"]);
        assert_eq!(free_address(&state, network).unwrap(), cidr("10.77.0.4/24"));
    }

    #[test]
    fn a_full_network_says_so() {
        let said = free_address(&state(&["10.0.0.2"]), cidr("10.0.0.0/30")).unwrap_err();
        assert!(said.to_string().starts_with("every address of 10.0.0.0/30 is taken"));
    }

    #[test]
    fn an_address_must_be_a_free_one_of_the_network() {
        let network = cidr("10.77.0.0/24");
        let ask = |word: &str| this_address(&state(&["10.77.0.9"]), network, word.parse().unwrap());
        assert_eq!(ask("10.77.0.7").unwrap(), cidr("10.77.0.7/24"));
        for word in ["10.78.0.7", "10.77.0.0", "10.77.0.1", "10.77.0.255", "10.77.0.9", "fd00::1"] {
            assert!(ask(word).is_err(), "{word}");
        }
    }

    #[test]
    fn a_network_that_is_routed_is_not_taken() {
        let nets = || (0..3).map(|n| cidr(&format!("10.77.{n}.0/24")));
        let found = free_network(&state(&["10.77.0.2"]), &[], nets()).unwrap();
        assert_eq!(found, cidr("10.77.1.0/24"));
    }
}
