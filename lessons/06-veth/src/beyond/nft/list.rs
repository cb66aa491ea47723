//! Tables, chains and rules as the kernel has them, whoever made them.

use ground::Result;

use super::{
    Hook, NF_ACCEPT, NF_DROP, NFTA_CHAIN_HOOK, NFTA_CHAIN_NAME, NFTA_CHAIN_POLICY,
    NFTA_CHAIN_TABLE, NFTA_CHAIN_TYPE, NFTA_HOOK_HOOKNUM, NFTA_HOOK_PRIORITY, NFTA_RULE_CHAIN,
    NFTA_RULE_EXPRESSIONS, NFTA_RULE_TABLE, NFTA_TABLE_NAME, message,
};
use crate::netlink::Netlink;
use crate::netlink::message::{Attributes, Received, string};

/// `struct nfgenmsg`.
const FIXED: usize = 4;

/// A chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// `ip`, `ip6`, `inet` …
    pub family: &'static str,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// `filter`, `nat`, `route`; a chain that only others jump to has none.
    pub kind: Option<String>,
    /// Where it hangs.
    pub hook: Option<Hook>,
    /// Its place among the chains of the hook.
    pub priority: i32,
    /// Whether packets about which no rule decides are dropped.
    pub drops: bool,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// `ip`, `ip6`, `inet` …
    pub family: &'static str,
    /// Its table.
    pub table: String,
    /// Its chain.
    pub chain: String,
    /// The names of its expressions: `meta`, `cmp`, `masq` …; verdicts as `accept` and `drop`.
    pub expressions: Vec<String>,
}

impl Listed {
    /// Whether an expression of this name is in it.
    pub fn has(&self, expression: &str) -> bool {
        self.expressions.iter().any(|name| name == expression)
    }
}

/// The names of all tables, with their families.
pub fn tables() -> Result<Vec<(&'static str, String)>> {
    let question = message(libc::NFT_MSG_GETTABLE, 0);
    Netlink::netfilter()?.dump("NFT_MSG_GETTABLE", question, |answer| {
        Some((family(answer), answer.attributes(FIXED).get(NFTA_TABLE_NAME).and_then(string)?))
    })
}

/// All chains of all tables.
pub fn chains() -> Result<Vec<Chain>> {
    let question = message(libc::NFT_MSG_GETCHAIN, 0);
    Netlink::netfilter()?.dump("NFT_MSG_GETCHAIN", question, chain)
}

/// All rules of all chains, in order.
pub fn rules() -> Result<Vec<Listed>> {
    let question = message(libc::NFT_MSG_GETRULE, 0);
    Netlink::netfilter()?.dump("NFT_MSG_GETRULE", question, rule)
}

fn chain(answer: &Received) -> Option<Chain> {
    let attributes = answer.attributes(FIXED);
    let hook = attributes.get(NFTA_CHAIN_HOOK).map(Attributes);
    let number = |kind| hook?.get(kind).and_then(big_endian);
    let hook_number = number(NFTA_HOOK_HOOKNUM);
    Some(Chain {
        family: family(answer),
        table: attributes.get(NFTA_CHAIN_TABLE).and_then(string)?,
        name: attributes.get(NFTA_CHAIN_NAME).and_then(string)?,
        kind: attributes.get(NFTA_CHAIN_TYPE).and_then(string),
        hook: hook_number.and_then(|number| Hook::ALL.get(number as usize).copied()),
        priority: number(NFTA_HOOK_PRIORITY).unwrap_or(0) as i32,
        drops: attributes.get(NFTA_CHAIN_POLICY).and_then(big_endian) == Some(NF_DROP),
    })
}

fn rule(answer: &Received) -> Option<Listed> {
    let attributes = answer.attributes(FIXED);
    let expressions = Attributes(attributes.get(NFTA_RULE_EXPRESSIONS).unwrap_or_default());
    Some(Listed {
        family: family(answer),
        table: attributes.get(NFTA_RULE_TABLE).and_then(string)?,
        chain: attributes.get(NFTA_RULE_CHAIN).and_then(string)?,
        expressions: expressions.filter_map(|(_, element)| expression(element)).collect(),
    })
}

/// The name of an expression; of one that ends the rule, its verdict.
fn expression(element: &[u8]) -> Option<String> {
    let name = Attributes(element).get(1).and_then(string)?;
    // NFTA_EXPR_DATA, NFTA_IMMEDIATE_DATA, NFTA_DATA_VERDICT, NFTA_VERDICT_CODE
    let verdict = [2, 2, 2, 1].into_iter().try_fold(element, |at, kind| Attributes(at).get(kind));
    Some(match verdict.and_then(big_endian).filter(|_| name == "immediate") {
        Some(NF_ACCEPT) => "accept".into(),
        Some(NF_DROP) => "drop".into(),
        Some(_) => "jump".into(),
        None => name,
    })
}

fn family(answer: &Received) -> &'static str {
    match answer.body.first() {
        Some(1) => "inet",
        Some(2) => "ip",
        Some(3) => "arp",
        Some(5) => "netdev",
        Some(7) => "bridge",
        Some(10) => "ip6",
        _ => "?",
    }
}

fn big_endian(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn never_panics(body: Vec<u8>) {
            let message = Received { kind: 0, flags: 0, sequence: 0, body: &body };
            let _ = (chain(&message), rule(&message), expression(&body));
        }
    }
}
