//! Rules of a host, in tables that end with its namespace.

use std::net::Ipv4Addr;

use ground::Result;
use veth::beyond::nft::{Hook, Protocol, Purpose, Rule, add_chain, add_rule, add_table, commit};
use veth::netlink::Cidr;

use super::{GATEWAY, Node};

/// The table in which the kit keeps its rules.
pub const TABLE: &str = "boxes";

fn boxes() -> Cidr {
    Cidr::new(GATEWAY.into(), 24).network()
}

/// What boxes send to others gets the host's address as its source.
pub fn masquerade(host: &Node) -> Result<()> {
    let rule = Rule::new().from_network(boxes()).not_to_link("br0").masquerade();
    host.within(|| {
        commit([
            add_table(TABLE),
            add_chain(TABLE, "postrouting", Hook::Postrouting, Purpose::Nat),
            add_rule(TABLE, "postrouting", rule),
        ])
    })
}

/// What others send to a port of the host gets the address of a box as its destination.
pub fn publish(host: &Node, hook: Hook, port: u16, to: (Ipv4Addr, u16)) -> Result<()> {
    let rule = Rule::new().to_local().to_port(Protocol::Tcp, port).redirect_to(to.0.into(), to.1);
    let name = hook.word();
    host.within(|| {
        commit([
            add_table(TABLE),
            add_chain(TABLE, name, hook, Purpose::Nat),
            add_rule(TABLE, name, rule),
        ])
    })
}

/// Somebody's table, whose chain drops what no rule of it accepts.
pub fn drop_at(node: &Node, table: &str, hook: Hook) -> Result<()> {
    let purpose = Purpose::Filter { priority: 0, drop: true };
    node.within(|| commit([add_table(table), add_chain(table, hook.word(), hook, purpose)]))
}
