//! Three messages over netlink(7), to try what the network lessons need. The interfaces that they make end with the network
//! namespace of the child that tries.

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};
use std::os::fd::AsRawFd;

const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_ACK: u16 = 0x4;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;
const NLMSG_ERROR: u16 = 2;
const RTM_NEWLINK: u16 = 16;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
/// `NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN`.
const NFT_MSG_GETGEN: u16 = 10 << 8 | 16;

/// `ip link add type veth`.
pub fn add_veth() -> nix::Result<()> {
    add_link("veth")
}

/// `ip link add type bridge`.
pub fn add_bridge() -> nix::Result<()> {
    add_link("bridge")
}

fn add_link(kind: &str) -> nix::Result<()> {
    let mut body = vec![0; 16]; // struct ifinfomsg: nothing decided
    body.extend(attribute(IFLA_LINKINFO, &attribute(IFLA_INFO_KIND, kind.as_bytes())));
    ask(SockProtocol::NetlinkRoute, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &body)
}

/// Asks nf_tables for the number of its rule set's generation: it answers when the kernel has it.
pub fn ask_nf_tables() -> nix::Result<()> {
    ask(SockProtocol::NetlinkNetFilter, NFT_MSG_GETGEN, 0, &[0; 4]) // struct nfgenmsg
}

fn ask(protocol: SockProtocol, kind: u16, flags: u16, body: &[u8]) -> nix::Result<()> {
    let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
    let request = message(kind, NLM_F_REQUEST | NLM_F_ACK | flags, body);
    send(socket.as_raw_fd(), &request, MsgFlags::empty())?;
    let mut reply = [0; 512];
    let length = recv(socket.as_raw_fd(), &mut reply, MsgFlags::empty())?;
    answer(&reply[..length])
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

    #[test]
    fn an_attribute_is_padded_and_its_length_is_not() {
        assert_eq!(attribute(1, b"veth\0")[..2], 9u16.to_ne_bytes());
        assert_eq!(attribute(1, b"veth\0").len(), 12);
    }

    #[test]
    fn an_error_is_negated() {
        let reply = |error: i32| message(NLMSG_ERROR, 0, &error.to_ne_bytes());
        assert_eq!(answer(&reply(-95)), Err(Errno::EOPNOTSUPP));
        assert_eq!(answer(&reply(0)), Ok(()));
        assert_eq!(answer(&message(NFT_MSG_GETGEN, 0, &[0; 4])), Ok(()));
        assert_eq!(answer(&[]), Err(Errno::EBADMSG));
    }
}
