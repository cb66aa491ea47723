//! A frame, taken apart as far as the lesson needs it.

use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::netlink::Mac;

/// An Ethernet frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Hardware address of the receiver; all ones is everybody.
    pub destination: Mac,
    /// Hardware address of the sender.
    pub source: Mac,
    /// What is in it.
    pub content: Content,
}

/// What a frame carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Who has this address? RFC 826.
    Arp {
        /// A question, or an answer.
        request: bool,
        /// IPv4 address of who says it.
        sender: Ipv4Addr,
        /// The address that is asked for, or of who had asked.
        target: Ipv4Addr,
    },
    /// An IP packet.
    Ip(Packet),
    /// Something else, by its EtherType.
    Other(u16),
}

/// An IP packet, of version 4 or 6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// From.
    pub source: IpAddr,
    /// To.
    pub destination: IpAddr,
    /// Hops that are left: every router takes one.
    pub ttl: u8,
    /// What is in it.
    pub payload: Payload,
}

/// What a packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// ICMP echo: `ping`.
    Echo {
        /// The answer, or the question.
        reply: bool,
        /// Which of them.
        sequence: u16,
    },
    /// TCP, with its ports.
    Tcp(u16, u16),
    /// UDP, with its ports.
    Udp(u16, u16),
    /// A whole frame in UDP, and the number of its network: RFC 7348.
    Vxlan(u32, Box<Frame>),
    /// Something else, by its protocol number.
    Other(u8),
}

/// Port of VXLAN.
const VXLAN: u16 = 4789;

impl Frame {
    /// Takes a frame apart; `None` when it is cut off.
    pub fn parse(bytes: &[u8]) -> Option<Frame> {
        let mac = |at| Some(Mac(*bytes.get(at..)?.first_chunk()?));
        let rest = bytes.get(14..)?;
        let content = match word(bytes, 12)? {
            0x0806 => arp(rest)?,
            0x0800 => Content::Ip(ipv4(rest)?),
            0x86DD => Content::Ip(ipv6(rest)?),
            other => Content::Other(other),
        };
        Some(Frame { destination: mac(0)?, source: mac(6)?, content })
    }

    /// Whether it is for everybody.
    pub fn is_broadcast(&self) -> bool {
        self.destination == Mac([0xFF; 6])
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn v4(bytes: &[u8], at: usize) -> Option<Ipv4Addr> {
    Some(<[u8; 4]>::try_from(bytes.get(at..at + 4)?).ok()?.into())
}

fn v6(bytes: &[u8], at: usize) -> Option<IpAddr> {
    Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.get(at..at + 16)?).ok()?).into())
}

/// Hardware and protocol type, their lengths, operation; then hardware and protocol address of sender and target.
fn arp(bytes: &[u8]) -> Option<Content> {
    Some(Content::Arp {
        request: word(bytes, 6)? == 1,
        sender: v4(bytes, 14)?,
        target: v4(bytes, 24)?,
    })
}

fn ipv4(bytes: &[u8]) -> Option<Packet> {
    let rest = bytes.get(usize::from(bytes.first()? & 15) * 4..)?;
    Some(Packet {
        source: v4(bytes, 12)?.into(),
        destination: v4(bytes, 16)?.into(),
        ttl: *bytes.get(8)?,
        payload: payload(*bytes.get(9)?, rest)?,
    })
}

/// Extension headers are left as they are.
fn ipv6(bytes: &[u8]) -> Option<Packet> {
    Some(Packet {
        source: v6(bytes, 8)?,
        destination: v6(bytes, 24)?,
        ttl: *bytes.get(7)?,
        payload: payload(*bytes.get(6)?, bytes.get(40..)?)?,
    })
}

fn payload(protocol: u8, bytes: &[u8]) -> Option<Payload> {
    let echo = |reply| Some(Payload::Echo { reply, sequence: word(bytes, 6)? });
    match (protocol, bytes.first()) {
        (1, Some(8)) | (58, Some(128)) => echo(false),
        (1, Some(0)) | (58, Some(129)) => echo(true),
        (6, _) => Some(Payload::Tcp(word(bytes, 0)?, word(bytes, 2)?)),
        (17, _) if word(bytes, 2)? == VXLAN => vxlan(bytes),
        (17, _) => Some(Payload::Udp(word(bytes, 0)?, word(bytes, 2)?)),
        (other, _) => Some(Payload::Other(other)),
    }
}

/// Eight bytes of UDP, eight of VXLAN with the network's number in three of them, and the frame.
fn vxlan(bytes: &[u8]) -> Option<Payload> {
    let number = u32::from_be_bytes(bytes.get(12..16)?.try_into().ok()?) >> 8;
    Some(Payload::Vxlan(number, Box::new(Frame::parse(bytes.get(16..)?)?)))
}

impl Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Payload::Echo { reply: false, .. } => f.write_str("echo request"),
            Payload::Echo { reply: true, .. } => f.write_str("echo reply"),
            Payload::Tcp(_, to) => write!(f, "TCP to port {to}"),
            Payload::Udp(_, to) => write!(f, "UDP to port {to}"),
            Payload::Vxlan(number, inner) => {
                write!(f, "UDP to port {VXLAN}, VXLAN {number}: ")?;
                match &inner.content {
                    Content::Ip(packet) => {
                        write!(f, "{} > {} {}", packet.source, packet.destination, packet.payload)
                    }
                    Content::Arp { target, .. } => write!(f, "ARP for {target}"),
                    Content::Other(kind) => write!(f, "EtherType {kind:#06x}"),
                }
            }
            Payload::Other(protocol) => write!(f, "protocol {protocol}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo_request() -> Vec<u8> {
        let mut bytes = vec![0xFF; 6];
        bytes.extend([2, 0, 0, 0, 0, 1, 8, 0]);
        bytes.extend([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        bytes.extend([8, 0, 0, 0, 0, 9, 0, 7]);
        bytes
    }

    #[test]
    fn an_echo_request_is_recognised_also_inside_vxlan() {
        let inner = Frame::parse(&echo_request()).unwrap();
        let Content::Ip(packet) = &inner.content else { panic!("{inner:?}") };
        assert_eq!(packet.payload, Payload::Echo { reply: false, sequence: 7 });
        assert_eq!((packet.ttl, packet.source.to_string()), (64, "10.0.0.1".to_string()));
        assert!(inner.is_broadcast());
        let mut udp = vec![0x80, 0, 0x12, 0xB5, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 42, 0];
        udp.extend(echo_request());
        assert_eq!(payload(17, &udp), Some(Payload::Vxlan(42, Box::new(inner))));
    }

    #[test]
    fn nothing_that_is_cut_off_is_read_beyond_its_end() {
        let whole = echo_request();
        for length in 0..whole.len() {
            Frame::parse(&whole[..length]);
        }
    }
}
