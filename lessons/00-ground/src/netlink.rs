//! The few messages over netlink(7) that are needed where no lesson is: to try what the network lessons need, and to find
//! and remove what one of them has left. How such messages are made is lesson 06.

mod barriers;

pub use barriers::{Barrier, forward_barriers};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};
use std::os::fd::AsRawFd;

const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_ACK: u16 = 0x4;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_CREATE: u16 = 0x400;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const IFLA_IFNAME: u16 = 3;
const IFLA_LINKINFO: u16 = 18;
const IFLA_IFALIAS: u16 = 20;
const IFLA_INFO_KIND: u16 = 1;
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;
/// `NFNL_SUBSYS_NFTABLES << 8`.
const NFTABLES: u16 = 10 << 8;
const NFT_MSG_GETTABLE: u16 = NFTABLES | 1;
const NFT_MSG_DELTABLE: u16 = NFTABLES | 2;
const NFT_MSG_GETCHAIN: u16 = NFTABLES | 4;
const NFT_MSG_GETRULE: u16 = NFTABLES | 7;
const NFT_MSG_GETGEN: u16 = NFTABLES | 16;
/// `struct ifinfomsg`: nothing decided.
const IFINFOMSG: [u8; 16] = [0; 16];
/// `struct nfgenmsg`: every family; `NFPROTO_INET`.
const NFGENMSG: [u8; 4] = [0; 4];
const NFGENMSG_INET: [u8; 4] = [1, 0, 0, 0];

/// `ip link add type veth`.
pub fn add_veth() -> nix::Result<()> {
    add_link("veth")
}

/// `ip link add type bridge`.
pub fn add_bridge() -> nix::Result<()> {
    add_link("bridge")
}

/// Whether the kernel has this kind of link: without the link below, or a number, it refuses to make one, but with another
/// error than for a kind of which it has not heard.
pub fn knows(kind: &str) -> nix::Result<()> {
    match add_link(kind) {
        Err(errno @ (Errno::EOPNOTSUPP | Errno::EPERM)) => Err(errno),
        _ => Ok(()),
    }
}

fn add_link(kind: &str) -> nix::Result<()> {
    let info = attribute(IFLA_LINKINFO, &attribute(IFLA_INFO_KIND, kind.as_bytes()));
    let body = [&IFINFOMSG[..], &info].concat();
    ask(SockProtocol::NetlinkRoute, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &body)
}

/// Asks nf_tables for the number of its rule set's generation: it answers when the kernel has it.
pub fn ask_nf_tables() -> nix::Result<()> {
    ask(SockProtocol::NetlinkNetFilter, NFT_MSG_GETGEN, 0, &NFGENMSG)
}

/// The links of this network namespace: name, and the word that their maker gave them.
pub fn links() -> nix::Result<Vec<(String, Option<String>)>> {
    dump(SockProtocol::NetlinkRoute, RTM_GETLINK, &IFINFOMSG, |body| {
        let attributes = body.get(IFINFOMSG.len()..)?;
        Some((text(attributes, IFLA_IFNAME)?, text(attributes, IFLA_IFALIAS)))
    })
}

/// `ip link del NAME`.
pub fn delete_link(name: &str) -> nix::Result<()> {
    let body = [&IFINFOMSG[..], &attribute(IFLA_IFNAME, format!("{name}\0").as_bytes())].concat();
    ask(SockProtocol::NetlinkRoute, RTM_DELLINK, 0, &body)
}

/// The tables of family inet.
pub fn tables() -> nix::Result<Vec<String>> {
    let names = |body: &[u8]| text(body.get(NFGENMSG.len()..)?, 1);
    dump(SockProtocol::NetlinkNetFilter, NFT_MSG_GETTABLE, &NFGENMSG_INET, names)
}

/// `nft delete table inet NAME`: a batch of one.
pub fn delete_table(name: &str) -> nix::Result<()> {
    let whose = [0, 0, 0, (NFTABLES >> 8) as u8];
    let body = [&NFGENMSG_INET[..], &attribute(1, format!("{name}\0").as_bytes())].concat();
    let mut batch = message(BATCH_BEGIN, NLM_F_REQUEST, &whose);
    batch.extend(message(NFT_MSG_DELTABLE, NLM_F_REQUEST | NLM_F_ACK, &body));
    batch.extend(message(BATCH_END, NLM_F_REQUEST, &whose));
    exchange(SockProtocol::NetlinkNetFilter, &batch)
}

fn ask(protocol: SockProtocol, kind: u16, flags: u16, body: &[u8]) -> nix::Result<()> {
    exchange(protocol, &message(kind, NLM_F_REQUEST | NLM_F_ACK | flags, body))
}

/// Sends, and takes the first answer.
fn exchange(protocol: SockProtocol, bytes: &[u8]) -> nix::Result<()> {
    let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
    send(socket.as_raw_fd(), bytes, MsgFlags::empty())?;
    let mut reply = [0; 512];
    let length = recv(socket.as_raw_fd(), &mut reply, MsgFlags::empty())?;
    answer(&reply[..length])
}

fn dump<T>(
    protocol: SockProtocol,
    kind: u16,
    fixed: &[u8],
    read: impl Fn(&[u8]) -> Option<T>,
) -> nix::Result<Vec<T>> {
    let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
    let question = message(kind, NLM_F_REQUEST | NLM_F_DUMP, fixed);
    send(socket.as_raw_fd(), &question, MsgFlags::empty())?;
    let (mut found, mut buffer) = (Vec::new(), vec![0; 32 << 10]);
    loop {
        let length = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        let mut rest = &buffer[..length];
        while let Some((kind, body)) = next_message(&mut rest) {
            match kind {
                NLMSG_DONE => return Ok(found),
                NLMSG_ERROR => return answer(&buffer[..length]).map(|()| found),
                _ => found.extend(read(body)),
            }
        }
    }
}

/// Type and body of the first message.
fn next_message<'a>(rest: &mut &'a [u8]) -> Option<(u16, &'a [u8])> {
    let length = u32::from_ne_bytes(*rest.first_chunk()?) as usize;
    let kind = u16::from_ne_bytes(*rest.get(4..)?.first_chunk()?);
    let body = rest.get(16..length)?;
    *rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((kind, body))
}

/// Attributes, in order: type and value.
fn attributes(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = u16::from_ne_bytes(*rest.first_chunk()?) as usize;
        let kind = u16::from_ne_bytes(*rest.get(2..)?.first_chunk()?) & 0x3FFF;
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// The value of the first attribute of this type.
fn value(list: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(list).find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
}

fn text(attributes: &[u8], wanted: u16) -> Option<String> {
    let bytes = value(attributes, wanted)?.split(|byte| *byte == 0).next()?;
    Some(String::from_utf8_lossy(bytes).into_owned())
}

/// A message: struct nlmsghdr and what it is the head of.
fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let mut out = (16 + body.len() as u32).to_ne_bytes().to_vec();
    out.extend(kind.to_ne_bytes());
    out.extend(flags.to_ne_bytes());
    out.extend([0; 8]); // sequence number and sender, which nobody looks at here
    out.extend(body);
    out
}

/// An attribute: struct rtattr and its value, padded to four bytes.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut out = (4 + value.len() as u16).to_ne_bytes().to_vec();
    out.extend(kind.to_ne_bytes());
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// An error message carries a negated errno; 0 acknowledges. Any other message is an answer.
fn answer(reply: &[u8]) -> nix::Result<()> {
    let kind = reply.get(4..6).ok_or(Errno::EBADMSG)?;
    let error = reply.get(16..20).ok_or(Errno::EBADMSG)?;
    if kind != NLMSG_ERROR.to_ne_bytes() {
        return Ok(());
    }
    match i32::from_ne_bytes([error[0], error[1], error[2], error[3]]) {
        0 => Ok(()),
        negated => Err(Errno::from_raw(negated.wrapping_neg())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_attribute_is_padded_and_its_length_is_not() {
        assert_eq!(attribute(1, b"veth\0")[..2], 9u16.to_ne_bytes());
        assert_eq!(attribute(1, b"veth\0").len(), 12);
        assert_eq!(text(&attribute(1, b"veth\0"), 1).as_deref(), Some("veth"));
    }

    #[test]
    fn an_error_is_negated() {
        let reply = |error: i32| message(NLMSG_ERROR, 0, &error.to_ne_bytes());
        assert_eq!(answer(&reply(-95)), Err(Errno::EOPNOTSUPP));
        assert_eq!(answer(&reply(0)), Ok(()));
        assert_eq!(answer(&message(NFT_MSG_GETGEN, 0, &[0; 4])), Ok(()));
        assert_eq!(answer(&[]), Err(Errno::EBADMSG));
    }

    proptest! {
        #[test]
        fn what_is_malformed_is_passed_over(bytes: Vec<u8>) {
            let mut rest = &bytes[..];
            while next_message(&mut rest).is_some() {}
            let _ = (value(&bytes, 1), answer(&bytes));
        }
    }
}
