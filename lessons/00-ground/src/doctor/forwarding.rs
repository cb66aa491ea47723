//! What stands between a box on a bridge and the world: whether this host passes packets on, and who else decides about it.

use super::{Finding, Group, Status};
use crate::host::network::shared_name;
use crate::netlink::{self, Barrier};

/// `net.ipv4.ip_forward`, and each chain at the forward hook that drops what no rule of it accepts. A packet must be let
/// through by the chains of every table: what lesson 06 accepts, Docker's or firewalld's chain can still drop.
pub(super) fn findings() -> Vec<Finding> {
    let on = std::fs::read_to_string("/proc/sys/net/ipv4/ip_forward");
    let what = match on.as_deref().map(str::trim) {
        Ok("1") => "packets are passed on (net.ipv4.ip_forward=1)",
        _ => {
            "packets are not passed on (net.ipv4.ip_forward=0): a bridge asks before it changes that"
        }
    };
    let forward = Finding::new(Group::Network, "ip-forward", Status::Info, what).affects(&[6]);
    let barriers = netlink::forward_barriers().unwrap_or_default();
    let barriers = barriers.iter().map(finding).chain(super::legacy::findings());
    std::iter::once(forward).chain(barriers).collect()
}

fn finding(barrier: &Barrier) -> Finding {
    let (chain, bridge) = (barrier.name(), shared_name());
    let what =
        format!("chain {chain} drops what it does not accept: boxes on a bridge reach nobody");
    let rule = |side: &str| format!("sudo nft insert rule {chain} {side} \"{bridge}\" accept");
    let remedy = match &barrier.table[..] {
        // It owns its table, and lets nobody else change it.
        "firewalld" => format!("sudo firewall-cmd --zone=trusted --add-interface={bridge}"),
        _ => format!("{}; {}", rule("iifname"), rule("oifname")),
    };
    Finding::new(Group::Network, "forward-drop", Status::Limited, what).affects(&[6]).remedy(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_names_the_chain_that_drops() {
        let (table, chain) = ("filter".to_string(), "FORWARD".to_string());
        let found = finding(&Barrier { family: "ip", table, chain });
        assert!(found.what.starts_with("chain ip filter FORWARD drops"));
        let remedy = found.remedy.unwrap();
        assert!(remedy.contains("sudo nft insert rule ip filter FORWARD iifname"), "{remedy}");
    }
}
