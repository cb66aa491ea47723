//! A rule being built: each expression together with the words of nft that mean it.

use std::net::IpAddr;

use super::raw::{Base, EQUAL, FIRST, Meta, NOT_EQUAL, SECOND};
use crate::netlink::message::Message;
use crate::netlink::{Cidr, shown};

/// What a port belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// In lower case.
    pub fn word(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        }
    }

    fn number(self) -> u8 {
        (match self {
            Protocol::Tcp => libc::IPPROTO_TCP,
            Protocol::Udp => libc::IPPROTO_UDP,
        }) as u8
    }
}

/// A rule being built. Each method adds what must be so, or what is then done.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(super) expressions: Message,
    empty: usize,
    words: Vec<String>,
}

impl Default for Rule {
    fn default() -> Rule {
        Rule::new()
    }
}

impl Rule {
    /// A rule that is true of every packet, and does nothing.
    pub fn new() -> Rule {
        let expressions = Message::new(0, &[]);
        Rule { empty: expressions.len(), expressions, words: Vec::new() }
    }

    /// The words, and the attributes.
    pub(super) fn finish(self) -> (String, Vec<u8>) {
        let attributes = self.expressions.behind(self.empty);
        (self.words.join(" "), attributes)
    }

    /// It came in by this link.
    pub fn from_link(self, name: &str) -> Rule {
        self.link(Meta::IifName, EQUAL, name).say(format!("iifname \"{}\"", shown(name)))
    }

    /// It came in by another one.
    pub fn not_from_link(self, name: &str) -> Rule {
        self.link(Meta::IifName, NOT_EQUAL, name).say(format!("iifname != \"{}\"", shown(name)))
    }

    /// It leaves by this link.
    pub fn to_link(self, name: &str) -> Rule {
        self.link(Meta::OifName, EQUAL, name).say(format!("oifname \"{}\"", shown(name)))
    }

    /// It leaves by another one.
    pub fn not_to_link(self, name: &str) -> Rule {
        self.link(Meta::OifName, NOT_EQUAL, name).say(format!("oifname != \"{}\"", shown(name)))
    }

    /// It comes from this network.
    pub fn from_network(self, network: Cidr) -> Rule {
        let (ip, network) = (ip(network.address), network.network());
        self.address(network, true, EQUAL).say(format!("{ip} saddr {network}"))
    }

    /// It goes to this network, or to this one address.
    pub fn to_network(self, network: Cidr) -> Rule {
        let (ip, network) = (ip(network.address), network.network());
        let shown = if network.host_bits() == 0 {
            network.address.to_string()
        } else {
            network.to_string()
        };
        self.address(network, false, EQUAL).say(format!("{ip} daddr {shown}"))
    }

    /// It does not go to this one address.
    pub fn not_to_address(self, address: IpAddr) -> Rule {
        let ip = ip(address);
        self.address(Cidr::host(address), false, NOT_EQUAL).say(format!("{ip} daddr != {address}"))
    }

    /// It is of IPv4.
    pub fn of_ipv4(self) -> Rule {
        self.meta(Meta::NfProto).compare(EQUAL, &[2]).say("meta nfproto ipv4")
    }

    /// It goes to an address of this namespace.
    pub fn to_local(self) -> Rule {
        let local = u32::from(libc::RTN_LOCAL).to_ne_bytes();
        // NFTA_FIB_DREG, NFTA_FIB_RESULT: ADDRTYPE, NFTA_FIB_FLAGS: DADDR
        self.expression("fib", |fib| fib.big_endian(1, FIRST).big_endian(2, 3).big_endian(3, 2))
            .compare(EQUAL, &local)
            .say("fib daddr type local")
    }

    /// It is for this port.
    pub fn to_port(self, protocol: Protocol, port: u16) -> Rule {
        self.meta(Meta::L4Proto)
            .compare(EQUAL, &[protocol.number()])
            .load(Base::Transport, 2, 2)
            .compare(EQUAL, &port.to_be_bytes())
            .say(format!("{} dport {port}", protocol.word()))
    }

    /// It belongs to a connection that was let through before, or to an error about one.
    pub fn of_known_connection(self) -> Rule {
        const STATE: u32 = 0;
        const ESTABLISHED_OR_RELATED: u32 = 2 | 4;
        self.ct(STATE, ESTABLISHED_OR_RELATED).say("ct state established,related")
    }

    /// The destination of its connection was translated.
    pub fn was_redirected(self) -> Rule {
        const STATUS: u32 = 2;
        const IPS_DST_NAT: u32 = 1 << 5;
        self.ct(STATUS, IPS_DST_NAT).say("ct status dnat")
    }

    /// Counts.
    pub fn count(self) -> Rule {
        self.expression("counter", |data| data).say("counter")
    }

    /// Goes on, past this chain.
    pub fn accept(self) -> Rule {
        self.verdict(super::NF_ACCEPT).say("accept")
    }

    /// Is thrown away.
    pub fn drop(self) -> Rule {
        self.verdict(super::NF_DROP).say("drop")
    }

    /// Its source becomes the address of the link by which it leaves.
    pub fn masquerade(self) -> Rule {
        self.expression("masq", |data| data).say("masquerade")
    }

    /// Its destination becomes this address and port.
    pub fn redirect_to(self, address: IpAddr, port: u16) -> Rule {
        const NF_NAT_DNAT: u32 = 1;
        let cidr = Cidr::host(address);
        let shown = std::net::SocketAddr::new(address, port);
        let family = if address.is_ipv4() { 2 } else { 10 }; // NFPROTO_IPV4, NFPROTO_IPV6
        let named = ip(address);
        self.immediate(FIRST, &cidr.octets())
            .immediate(SECOND, &port.to_be_bytes())
            .expression("nat", |nat| {
                // NFTA_NAT_TYPE, _FAMILY, _REG_ADDR_MIN, _REG_PROTO_MIN
                nat.big_endian(1, NF_NAT_DNAT)
                    .big_endian(2, family)
                    .big_endian(3, FIRST)
                    .big_endian(5, SECOND)
            })
            .say(format!("dnat {named} to {shown}"))
    }

    fn say(mut self, words: impl Into<String>) -> Rule {
        self.words.push(words.into());
        self
    }
}

fn ip(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "ip" } else { "ip6" }
}
