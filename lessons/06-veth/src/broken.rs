//! Four networks that are broken, each in one place: made, found by what the kernel says, and mended.

mod verb;

use ground::Result;
use ground::story::{evidence, muted};
use veth::beyond::nft::{self, Hook};

use crate::stage::{GATEWAY, OUTSIDE, World, rules};

pub use verb::VERB;

/// What a packet of a box needs, and is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// In the box: where to send what is not for the neighbours.
    Route,
    /// On the host: whether it passes on what is not for itself.
    Forwarding,
    /// On the host: somebody's chain that drops what it passes on.
    Filter,
    /// On the host: an address that the world can answer.
    Masquerade,
}

impl Fault {
    /// In the order in which a packet meets them.
    pub const ALL: [Fault; 4] = [Fault::Route, Fault::Forwarding, Fault::Filter, Fault::Masquerade];

    /// What is wrong, in one sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Fault::Route => {
                "the box has no default route: its own kernel does not know where to send"
            }
            Fault::Forwarding => {
                "the host does not forward: it drops what is not addressed to itself"
            }
            Fault::Filter => "a chain at the host's forward hook drops what no rule of it accepts",
            Fault::Masquerade => {
                "the box's address goes out untranslated, and the machine outside cannot answer it"
            }
        }
    }
}

/// The table of somebody else, which stands in the way.
const FIREWALL: &str = "firewall";

/// A network that works, but for one thing. In silence.
pub fn lay(fault: Fault) -> Result<World> {
    let world = World::with_outside()?;
    muted(|| {
        world.forward(fault != Fault::Forwarding)?;
        if fault != Fault::Masquerade {
            rules::masquerade(&world.host)?;
        }
        match fault {
            Fault::Filter => rules::drop_at(&world.host, FIREWALL, Hook::Forward),
            Fault::Route => {
                world.inside.perform(veth::netlink::route::delete_default(GATEWAY.into()))
            }
            _ => Ok(()),
        }
    })?;
    Ok(world)
}

/// Reads what the kernel says of each place on the way, tells it, and names what is missing.
pub fn diagnose(world: &World) -> Result<Vec<Fault>> {
    let missing = [
        (Fault::Route, !has_default_route(world)?),
        (Fault::Forwarding, !forwards(world)?),
        (Fault::Filter, filters(world)?),
        (Fault::Masquerade, !is_answerable(world)?),
    ];
    Ok(missing.into_iter().filter(|(_, missing)| *missing).map(|(fault, _)| fault).collect())
}

fn has_default_route(world: &World) -> Result<bool> {
    let found = world
        .inside
        .routes()?
        .iter()
        .any(|route| route.destination.is_none() && route.gateway == Some(GATEWAY.into()));
    let value = if found { "by way of 10.77.0.1" } else { "none" };
    world.inside.tell("RTM_GETROUTE in box, default route", value);
    Ok(found)
}

fn forwards(world: &World) -> Result<bool> {
    let value = world.host.sysctl("net.ipv4.ip_forward")?;
    evidence("/proc/sys/net/ipv4/ip_forward in host", &value);
    Ok(value == "1")
}

/// A packet must pass every chain of a hook. One that drops by default, and has no rule that accepts, stops all.
fn filters(world: &World) -> Result<bool> {
    let (chains, rules) = world.host.within(|| Ok((nft::chains()?, nft::rules()?)))?;
    let at_hook = |chain: &&nft::Chain| chain.hook == Some(Hook::Forward);
    let stops = |chain: &&nft::Chain| {
        let accepts = |rule: &nft::Listed| {
            rule.table == chain.table && rule.chain == chain.name && rule.has("accept")
        };
        chain.drops && !rules.iter().any(accepts)
    };
    let found: Vec<_> = chains.iter().filter(at_hook).filter(stops).collect();
    for chain in &found {
        let name = format!("{} {} {}", chain.family, chain.table, chain.name);
        evidence(
            "NFT_MSG_GETCHAIN in host, forward hook",
            format!("{name}: policy drop, nothing accepted"),
        );
    }
    if found.is_empty() {
        evidence("NFT_MSG_GETCHAIN in host, forward hook", "no chain drops");
    }
    Ok(!found.is_empty())
}

/// Either the source is translated, or the world knows a route back.
fn is_answerable(world: &World) -> Result<bool> {
    let rules = world.host.within(nft::rules)?;
    let translated = rules.iter().any(|rule| rule.has("masq"));
    let routes = world.outside.routes()?;
    let known = routes.iter().any(|route| match route.destination {
        Some(network) => network.contains(crate::stage::INSIDE.into()),
        None => true,
    });
    evidence("NFT_MSG_GETRULE in host, masquerade", if translated { "there" } else { "none" });
    evidence("RTM_GETROUTE in outside, to 10.77.0.2", if known { "there" } else { "none" });
    Ok(translated || known)
}

/// Gives the packet what it needs.
pub fn mend(world: &World, fault: Fault) -> Result<()> {
    match fault {
        Fault::Route => world.inside.default_via(GATEWAY),
        Fault::Forwarding => world.forward(true),
        Fault::Filter => world.host.within(|| nft::commit([nft::delete_table(FIREWALL)])),
        Fault::Masquerade => rules::masquerade(&world.host),
    }
}

/// Whether the box gets an answer from outside: told.
pub fn reaches_world(world: &World) -> Result<bool> {
    Ok(world.inside.ping(OUTSIDE)?.went_well())
}
