//! Who else decides about what a bridge forwards: chains of other tables.

use nix::sys::socket::SockProtocol;

use super::{NFGENMSG, NFT_MSG_GETCHAIN, NFT_MSG_GETRULE, attributes, dump, text, value};

/// A chain at the forward hook that lets nothing through but what a rule of it accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Barrier {
    /// `ip`, `inet` …
    pub family: &'static str,
    /// Its table.
    pub table: String,
    /// Its name.
    pub chain: String,
}

impl Barrier {
    /// As nft is told.
    pub fn name(&self) -> String {
        format!("{} {} {}", self.family, self.table, self.chain)
    }
}

/// The chains that drop what is forwarded, by their policy as Docker's or by their last rule as firewalld's. An accept in
/// another table does not help against them.
pub fn forward_barriers() -> nix::Result<Vec<Barrier>> {
    let protocol = SockProtocol::NetlinkNetFilter;
    let chains = dump(protocol, NFT_MSG_GETCHAIN, &NFGENMSG, forward_chain)?;
    let rules = dump(protocol, NFT_MSG_GETRULE, &NFGENMSG, rule)?;
    let last_stops = |chain: &Barrier| {
        let last = rules.iter().rev().find(|(of, _)| of == chain);
        last.is_some_and(|(_, stops)| *stops)
    };
    let barriers = chains.into_iter().filter(|(chain, drops)| *drops || last_stops(chain));
    Ok(barriers.map(|(chain, _)| chain).collect())
}

/// A chain at the forward hook, and whether its policy is to drop: `NFTA_CHAIN_TABLE`, `_NAME`, `_HOOK`, `_POLICY`; numbers
/// are in network byte order.
fn forward_chain(body: &[u8]) -> Option<(Barrier, bool)> {
    const FORWARD: [u8; 4] = [0, 0, 0, 2];
    const DROP: [u8; 4] = [0; 4];
    let attributes = body.get(NFGENMSG.len()..)?;
    let is_forward = value(value(attributes, 4)?, 1)? == FORWARD;
    let chain =
        Barrier { family: family(body)?, table: text(attributes, 1)?, chain: text(attributes, 3)? };
    is_forward.then_some((chain, value(attributes, 5)? == DROP))
}

/// The chain of a rule, and whether nothing passes it: `NFTA_RULE_TABLE`, `_CHAIN`, `_EXPRESSIONS`.
fn rule(body: &[u8]) -> Option<(Barrier, bool)> {
    let attributes = body.get(NFGENMSG.len()..)?;
    let chain =
        Barrier { family: family(body)?, table: text(attributes, 1)?, chain: text(attributes, 2)? };
    Some((chain, stops_all(value(attributes, 4).unwrap_or_default())))
}

fn family(body: &[u8]) -> Option<&'static str> {
    match body.first()? {
        1 => Some("inet"),
        2 => Some("ip"),
        10 => Some("ip6"),
        _ => None,
    }
}

/// Whether the expressions of a rule compare nothing, and end in `reject` or `drop`.
fn stops_all(expressions: &[u8]) -> bool {
    let mut stops = false;
    for (_, expression) in attributes(expressions) {
        match text(expression, 1).as_deref() {
            Some("counter" | "log") => {}
            Some("reject") => stops = true,
            Some("immediate") if verdict(expression) == Some(&[0; 4]) => stops = true,
            _ => return false,
        }
    }
    stops
}

/// `NFTA_EXPR_DATA`, `NFTA_IMMEDIATE_DATA`, `NFTA_DATA_VERDICT`, `NFTA_VERDICT_CODE`; 0 is `NF_DROP`.
fn verdict(expression: &[u8]) -> Option<&[u8]> {
    [2, 2, 2, 1].into_iter().try_fold(expression, value)
}

#[cfg(test)]
mod tests {
    use super::super::attribute;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_rule_stops_all_when_it_compares_nothing() {
        let list = |names: &[&str]| {
            let one = |name: &&str| attribute(1, &attribute(1, name.as_bytes()));
            names.iter().flat_map(one).collect::<Vec<_>>()
        };
        assert!(stops_all(&list(&["reject"])) && stops_all(&list(&["counter", "reject"])));
        assert!(!stops_all(&list(&["ct", "cmp", "reject"])) && !stops_all(&list(&["counter"])));
        let code = attribute(2, &attribute(2, &attribute(2, &attribute(1, &[0; 4]))));
        let drop = attribute(1, &[attribute(1, b"immediate"), code].concat());
        assert!(stops_all(&drop));
    }

    proptest! {
        #[test]
        fn what_is_malformed_is_passed_over(bytes: Vec<u8>) {
            let _ = (forward_chain(&bytes), rule(&bytes), stops_all(&bytes));
        }
    }
}
