//! Ports that lead elsewhere: the rules that translate destinations, whoever made them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ground::Result;
use serde::Serialize;

use crate::netlink::Netlink;
use crate::netlink::message::{Attributes, Message, Received, string};

/// A port, and where it leads.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Published {
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    /// The port of this namespace.
    pub port: u16,
    /// The address behind it.
    pub address: IpAddr,
    /// The port there.
    pub to: u16,
}

const NFT_MSG_GETRULE: u16 =
    (libc::NFNL_SUBSYS_NFTABLES as u16) << 8 | libc::NFT_MSG_GETRULE as u16;
const NFTA_RULE_EXPRESSIONS: u16 = 4;
const NAME: u16 = 1;
const DATA: u16 = 2;

/// Those of the caller's network namespace. The same port at two hooks is one.
pub fn published() -> Result<Vec<Published>> {
    let question = Message::new(NFT_MSG_GETRULE, &[0; 4]);
    let mut all = Netlink::netfilter()?.dump("NFT_MSG_GETRULE", question, parse)?;
    all.sort();
    all.dedup();
    Ok(all)
}

/// A rule compares what it loads, and puts address and port into registers, from which `nat` takes them. How long a value
/// is tells what it is: of a protocol one byte, of a port two, of an address more.
fn parse(answer: &Received) -> Option<Published> {
    let expressions = Attributes(answer.attributes(4).get(NFTA_RULE_EXPRESSIONS)?);
    let (mut protocol, mut port, mut address, mut to) = (None, None, None, None);
    let mut translates = false;
    for (_, element) in expressions {
        let name = Attributes(element).get(NAME).and_then(string)?;
        let data = Attributes(Attributes(element).get(DATA).unwrap_or_default());
        match name.as_str() {
            "cmp" => match value(data, 3) {
                Some([6]) => protocol = Some("tcp"),
                Some([17]) => protocol = Some("udp"),
                Some([high, low]) => port = Some(u16::from_be_bytes([*high, *low])),
                _ => {}
            },
            "immediate" => match value(data, 2) {
                Some([high, low]) => to = Some(u16::from_be_bytes([*high, *low])),
                Some(bytes) => address = ip(bytes).or(address),
                None => {}
            },
            "nat" => translates = true,
            _ => {}
        }
    }
    let (protocol, port, address) = (protocol?, port?, address?);
    translates.then_some(Published { protocol, port, address, to: to.unwrap_or(port) })
}

/// `NFTA_DATA_VALUE` in the attribute of this type.
fn value<'a>(data: Attributes<'a>, kind: u16) -> Option<&'a [u8]> {
    Attributes(data.get(kind)?).get(1)
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(bytes).ok().map(|bytes| Ipv4Addr::from(bytes).into());
    let v6 = || <[u8; 16]>::try_from(bytes).ok().map(|bytes| Ipv6Addr::from(bytes).into());
    v4().or_else(v6)
}
