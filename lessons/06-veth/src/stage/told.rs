//! What netlink says of a namespace, told as evidence.

use ground::Result;
use ground::story::evidence;
use ground::text::{address, count};
use veth::netlink::route::Route;
use veth::netlink::{Link, Mac};

use super::Node;

/// A device that a driver of tunnels puts into each new namespace, where one is loaded.
pub fn is_fallback(link: &Link) -> bool {
    const DRIVERS: [&str; 8] =
        ["ipip", "sit", "gre", "gretap", "ip6gre", "ip6tnl", "vti", "erspan"];
    let kind = link.kind.as_deref().unwrap_or_default();
    DRIVERS.contains(&kind) || kind == "vti6" || kind == "ip6gretap"
}

/// State of a link on one line.
fn state(link: &Link) -> String {
    let peer = match (link.peer, link.peer_namespace) {
        (Some(peer), None) if peer == link.index => String::new(),
        (Some(peer), None) => format!(", other end is number {}", count(peer)),
        (Some(peer), Some(_)) => {
            format!(", other end is number {} of another namespace", count(peer))
        }
        (None, _) => String::new(),
    };
    let mtu = if link.mtu == 1500 || link.name == "lo" {
        String::new()
    } else {
        format!(", MTU {}", link.mtu)
    };
    let switched = if link.is_up() { "" } else { "off: " };
    // Without a carrier the kernel's word depends on its version.
    let word = if link.is_up() && !link.has_carrier() {
        String::new()
    } else {
        format!(" {}", link.state)
    };
    let (number, flags) = (count(link.index), link.flag_words());
    format!("number {number}, {switched}<{flags}>{word}{mtu}{peer}")
}

/// Reads a link and tells its state.
pub fn tell_link(node: &Node, name: &str) -> Result<Link> {
    let link = node.link(name)?;
    node.tell(format!("RTM_GETLINK in {}, {name}", node.name), state(&link));
    Ok(link)
}

/// Reads all links and tells those that are there in every kernel.
pub fn tell_links(node: &Node) -> Result<Vec<Link>> {
    let links = node.links()?;
    for link in links.iter().filter(|link| !is_fallback(link)) {
        node.tell(format!("RTM_GETLINK in {}, {}", node.name, link.name), state(link));
    }
    Ok(links)
}

/// Reads the addresses of a link and tells them; a link-local one comes from a hardware address that the kernel drew.
pub fn tell_addresses(node: &Node, link: &str) -> Result<Vec<String>> {
    let index = node.link(link)?.index;
    let found = node.addresses()?.into_iter().filter(|address| address.link == index);
    let words: Vec<String> = found.map(|address| address.cidr.to_string()).collect();
    let shown = words.iter().filter(|word| !word.starts_with("fe80:"));
    let shown = shown.cloned().collect::<Vec<_>>().join(", ");
    let shown = if shown.is_empty() { "none".to_string() } else { shown };
    node.tell(format!("RTM_GETADDR in {}, {link}", node.name), shown);
    Ok(words)
}

/// A route as `ip route` shows it.
fn route_words(route: &Route, links: &[Link]) -> String {
    let to = route.destination.map_or("default".to_string(), |cidr| cidr.to_string());
    let via = route.gateway.map_or(String::new(), |gateway| format!(" via {gateway}"));
    let link = links.iter().find(|link| Some(link.index) == route.link);
    format!("{to}{via} dev {}", link.map_or("?", |link| &link.name))
}

/// Reads the routes of IPv4 and tells them.
pub fn tell_routes(node: &Node) -> Result<Vec<String>> {
    let links = node.links()?;
    let routes = node.routes()?;
    let v4 = routes.iter().filter(|route| route.family == libc::AF_INET as u8);
    let mut words: Vec<String> = v4.map(|route| route_words(route, &links)).collect();
    words.sort();
    let source = format!("RTM_GETROUTE in {}", node.name);
    match words.is_empty() {
        true => node.tell(source, "none"),
        false => words.iter().for_each(|word| node.tell(&source, word)),
    }
    Ok(words)
}

/// Whether a bridge of the namespace has learnt that this hardware address is behind the port: told.
pub fn tell_learnt(node: &Node, port: &str, mac: Option<Mac>) -> Result<bool> {
    let index = node.link(port)?.index;
    let entries = node.within(veth::netlink::Netlink::route)?.forwarding_database()?;
    let learnt =
        entries.iter().any(|entry| entry.link == index && entry.is_learnt() && entry.mac == mac);
    let mac = mac.map_or("none".to_string(), |mac| address(mac).to_string());
    let value = if learnt { "learnt" } else { "not known" };
    evidence(format!("RTM_GETNEIGH in {}, {mac} behind {port}", node.name), value);
    Ok(learnt)
}
