//! Packet filter and address translation: tables, chains and rules of nf_tables, over the same kind of socket. See nft(8),
//! and the kernel's `include/uapi/linux/netfilter/nf_tables.h`.
//!
//! A chain hangs at a hook, a place that packets pass. A rule is a row of expressions that load registers, compare them,
//! and end in a verdict; the first comparison that is not so ends the rule.
//!
//! ```text
//!              ┌────────────┐                                       ┌─────────────┐
//!  packet in ─▶│ prerouting │─▶ for another host? ─▶ [ forward ] ──▶│ postrouting │─▶ packet out
//!              │   (dnat)   │          │ for us                     │ (masquerade)│
//!              └────────────┘          ▼                            └─────────────┘
//!                                   [ input ] ─▶ a process ─▶ [ output ] ────┘
//! ```
//!
//! Changes come in a batch, which the kernel takes as a whole or not at all. By hand it is one more header; and not every
//! machine has the `nft` program.

mod expression;
mod list;
mod raw;

pub use expression::{Protocol, Rule};
pub use list::{Chain, Listed, chains, rules, tables};

use ground::Result;
use nix::errno::Errno;

use crate::netlink::message::Message;
use crate::netlink::{Netlink, Request, shown};

const SUBSYSTEM: u16 = libc::NFNL_SUBSYS_NFTABLES as u16;
/// `NFPROTO_INET`: IPv4 and IPv6 in one table.
pub const INET: u8 = 1;

const NFTA_TABLE_NAME: u16 = 1;
const NFTA_CHAIN_TABLE: u16 = 1;
const NFTA_CHAIN_NAME: u16 = 3;
const NFTA_CHAIN_HOOK: u16 = 4;
const NFTA_CHAIN_POLICY: u16 = 5;
const NFTA_CHAIN_TYPE: u16 = 7;
const NFTA_HOOK_HOOKNUM: u16 = 1;
const NFTA_HOOK_PRIORITY: u16 = 2;
const NFTA_RULE_TABLE: u16 = 1;
const NFTA_RULE_CHAIN: u16 = 2;
const NFTA_RULE_EXPRESSIONS: u16 = 4;
const NF_DROP: u32 = 0;
const NF_ACCEPT: u32 = 1;

/// So many bytes of changes make a batch at most.
const MOST: usize = 64 << 10;

/// A place that packets pass, in the order of their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// As they come in.
    Prerouting,
    /// For a process of this namespace.
    Input,
    /// From one link to another.
    Forward,
    /// From a process of this namespace.
    Output,
    /// As they go out.
    Postrouting,
}

impl Hook {
    const ALL: [Hook; 5] =
        [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting];

    /// As nft calls it.
    pub fn word(self) -> &'static str {
        match self {
            Hook::Prerouting => "prerouting",
            Hook::Input => "input",
            Hook::Forward => "forward",
            Hook::Output => "output",
            Hook::Postrouting => "postrouting",
        }
    }
}

/// What a chain does at its hook, and when: of several chains the one with the lower priority comes first.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    /// Lets packets pass or not.
    Filter {
        /// 0 is usual, -300 is before connections are tracked.
        priority: i32,
        /// What becomes of packets about which no rule decides.
        drop: bool,
    },
    /// Translates addresses: asked for the first packet of a connection, the rest follows it.
    Nat,
}

/// Makes a table.
pub fn add_table(table: &str) -> Request {
    let message = message(libc::NFT_MSG_NEWTABLE, INET)
        .flags(libc::NLM_F_CREATE)
        .text(NFTA_TABLE_NAME, table);
    let table = shown(table);
    let what = format!("NFT_MSG_NEWTABLE inet {table}");
    Request::new(message, what, format_args!("nft add table inet {table}"))
        .hint(Errno::EOPNOTSUPP, "this kernel has no nf_tables; sudo modprobe nf_tables")
}

/// Removes a table with all that is in it.
pub fn delete_table(table: &str) -> Request {
    let message = message(libc::NFT_MSG_DELTABLE, INET).text(NFTA_TABLE_NAME, table);
    let table = shown(table);
    let what = format!("NFT_MSG_DELTABLE inet {table}");
    Request::new(message, what, format_args!("nft delete table inet {table}"))
}

/// Makes a chain at a hook, and calls it like the hook unless `name` says otherwise.
pub fn add_chain(table: &str, name: &str, hook: Hook, purpose: Purpose) -> Request {
    let (kind, priority, policy) = match purpose {
        Purpose::Filter { priority, drop: true } => ("filter", priority, NF_DROP),
        Purpose::Filter { priority, drop: false } => ("filter", priority, NF_ACCEPT),
        Purpose::Nat => ("nat", if hook == Hook::Postrouting { 100 } else { -100 }, NF_ACCEPT),
    };
    let message = message(libc::NFT_MSG_NEWCHAIN, INET)
        .flags(libc::NLM_F_CREATE)
        .text(NFTA_CHAIN_TABLE, table)
        .text(NFTA_CHAIN_NAME, name)
        .nest(NFTA_CHAIN_HOOK, |at| {
            at.big_endian(NFTA_HOOK_HOOKNUM, hook as u32)
                .big_endian(NFTA_HOOK_PRIORITY, priority as u32)
        })
        .big_endian(NFTA_CHAIN_POLICY, policy)
        .text(NFTA_CHAIN_TYPE, kind);
    let policy = if policy == NF_DROP { "drop" } else { "accept" };
    let table = shown(table);
    let what = format!("NFT_MSG_NEWCHAIN inet {table} {name}");
    let like = format!(
        "nft add chain inet {table} {name} '{{ type {kind} hook {} priority {priority}; policy {policy}; }}'",
        hook.word()
    );
    Request::new(message, what, like)
        .hint(Errno::EOPNOTSUPP, "this kernel has no nf_tables NAT; sudo modprobe nft_chain_nat")
}

/// Appends a rule to a chain.
pub fn add_rule(table: &str, chain: &str, rule: Rule) -> Request {
    let (words, expressions) = rule.finish();
    let message = message(libc::NFT_MSG_NEWRULE, INET)
        .flags(libc::NLM_F_CREATE | libc::NLM_F_APPEND)
        .text(NFTA_RULE_TABLE, table)
        .text(NFTA_RULE_CHAIN, chain)
        .nest(NFTA_RULE_EXPRESSIONS, |list| list.raw(&expressions));
    let table = shown(table);
    let what = format!("NFT_MSG_NEWRULE inet {table} {chain} {words}");
    Request::new(message, what, format_args!("nft add rule inet {table} {chain} {words}"))
        .hint(Errno::ENOENT, "this kernel lacks an expression of the rule; sudo modprobe nft_nat nft_masq nft_ct nft_fib_inet")
}

/// Performs changes, all or none. Of more than the kernel takes in one send, 208 KiB unless `net.core.wmem_default` says
/// otherwise, as many at a time: the table that they belong to is to be removed when one is refused.
pub fn commit(requests: impl IntoIterator<Item = Request>) -> Result<()> {
    let mut netlink = Netlink::netfilter()?;
    let mut rest = requests.into_iter().peekable();
    while let Some(first) = rest.next() {
        let (mut bytes, mut batch) = (first.len(), vec![frame(libc::NFNL_MSG_BATCH_BEGIN), first]);
        while let Some(request) = rest.next_if(|request| bytes + request.len() <= MOST) {
            bytes += request.len();
            batch.push(request);
        }
        batch.push(frame(libc::NFNL_MSG_BATCH_END));
        netlink.perform_all(batch)?;
    }
    Ok(())
}

/// The beginning or the end of a batch.
fn frame(kind: i32) -> Request {
    // Unlike elsewhere the last two bytes mean something: whose batch it is.
    let [high, low] = SUBSYSTEM.to_be_bytes();
    Request::untold(Message::new(kind as u16, &[0, 0, high, low]))
}

/// A message with `struct nfgenmsg`: family, version, and two bytes without meaning.
fn message(kind: i32, family: u8) -> Message {
    Message::new(SUBSYSTEM << 8 | kind as u16, &[family, 0, 0, 0])
}
