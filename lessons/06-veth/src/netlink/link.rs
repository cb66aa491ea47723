//! Links: network interfaces of every kind, made, changed, removed, listed. See ip-link(8).

use std::fmt::{self, Display};
use std::os::fd::{AsRawFd, BorrowedFd};

use ground::text::pid;
use nix::errno::Errno;
use nix::unistd::Pid;

pub use super::kinds::{Kind, add};

use super::message::Message;
use super::{Mac, Request, shown};

const VETH_INFO_PEER: u16 = 1;
const UP: u32 = libc::IFF_UP as u32;

/// The index of `lo`, in every network namespace.
pub const LOOPBACK: u32 = 1;

/// The namespace in which a link is born, or to which it is moved.
#[derive(Clone, Copy, Debug)]
pub enum Namespace<'a> {
    /// That of the socket.
    Here,
    /// That of a process.
    Of(Pid),
    /// That of an open file: `/proc/PID/ns/net`, `/run/netns/NAME`.
    Open(BorrowedFd<'a>),
}

impl Namespace<'_> {
    pub(super) fn put(self, message: Message) -> Message {
        match self {
            Namespace::Here => message,
            Namespace::Of(pid) => message.number(libc::IFLA_NET_NS_PID, pid.as_raw() as u32),
            Namespace::Open(fd) => message.number(libc::IFLA_NET_NS_FD, fd.as_raw_fd() as u32),
        }
    }
}

/// As `ip` would be told: the number of a process, or of an open file.
impl Display for Namespace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Namespace::Here => Ok(()),
            Namespace::Of(process) => write!(f, " netns {}", pid(process)),
            Namespace::Open(_) => write!(f, " netns …"),
        }
    }
}

/// One end of a cable, as it is to be born.
#[derive(Clone, Debug)]
pub struct End<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its hardware address; the kernel draws one.
    pub mac: Option<Mac>,
    /// Where.
    pub namespace: Namespace<'a>,
    /// Whether it is up at once. The far end cannot be: as it is born it has no other end yet (ENOTCONN).
    pub up: bool,
    /// The index of its bridge.
    pub master: Option<u32>,
}

impl<'a> End<'a> {
    /// Down, in the namespace of the socket.
    pub fn new(name: &'a str) -> End<'a> {
        End { name, mac: None, namespace: Namespace::Here, up: false, master: None }
    }

    /// The attributes both ends have.
    fn put(&self, message: Message, mtu: Option<u32>) -> Message {
        let mut message = self.namespace.put(message.text(libc::IFLA_IFNAME, self.name));
        if let Some(mac) = self.mac {
            message = message.put(libc::IFLA_ADDRESS, &mac.0);
        }
        if let Some(mtu) = mtu {
            message = message.number(libc::IFLA_MTU, mtu);
        }
        // The kernel gives a veth as many queues as there are CPUs, registers it, and then takes all but one away: for
        // that it waits until every CPU has passed a quiescent state. One queue from the beginning needs no wait.
        let message = message.number(libc::IFLA_NUM_TX_QUEUES, 1);
        let message = message.number(libc::IFLA_NUM_RX_QUEUES, 1);
        self.master.into_iter().fold(message, |m, bridge| m.number(libc::IFLA_MASTER, bridge))
    }

    fn flags(&self) -> u32 {
        if self.up { UP } else { 0 }
    }
}

// ANCHOR: add-veth
/// A cable in one request: the attributes of the far end stand in those of the near one, and it is born where it belongs.
pub fn add_veth(near: &End, far: &End, mtu: Option<u32>) -> Request {
    let message = Message::new(libc::RTM_NEWLINK, &ifinfomsg(0, near.flags()))
        .flags(libc::NLM_F_CREATE | libc::NLM_F_EXCL);
    let message = near.put(message, mtu).nest(libc::IFLA_LINKINFO, |info| {
        info.text(libc::IFLA_INFO_KIND, "veth").nest(libc::IFLA_INFO_DATA, |data| {
            data.nest(VETH_INFO_PEER, |peer| far.put(peer.raw(&ifinfomsg(0, far.flags())), mtu))
        })
    });
    let (near_name, far_name) = (shown(near.name), shown(far.name));
    let what = format!("RTM_NEWLINK veth {near_name}, peer {far_name}{}", far.namespace);
    let mac = far.mac.map(|mac| format!(" address {mac}")).unwrap_or_default();
    let like =
        format!("ip link add {} type veth peer name {}{mac}{}", near.name, far.name, far.namespace);
    Request::new(message, what, like)
        .hint(Errno::EOPNOTSUPP, "this kernel has no veth; sudo modprobe veth")
        .hint(Errno::EEXIST, "a link of that name is there; remove it with: ip link del")
}
// ANCHOR_END: add-veth

/// Sets a link up, or down.
pub fn set_up(name: &str, up: bool) -> Request {
    let word = if up { "up" } else { "down" };
    let message = Message::new(libc::RTM_NEWLINK, &ifinfomsg_changing(0, u32::from(up) * UP, UP))
        .text(libc::IFLA_IFNAME, name);
    let name = shown(name);
    Request::new(
        message,
        format_args!("RTM_NEWLINK {name} {word}"),
        format_args!("ip link set {name} {word}"),
    )
    .hint(Errno::ENODEV, "no such link")
}

/// Sets `lo` up. The kernel then gives it 127.0.0.1 and ::1 itself.
pub fn set_loopback_up() -> Request {
    let message = Message::new(libc::RTM_NEWLINK, &ifinfomsg_changing(LOOPBACK, UP, UP));
    Request::new(message, "RTM_NEWLINK lo up", "ip link set lo up")
}

fn change(name: &str, words: impl Display, fill: impl FnOnce(Message) -> Message) -> Request {
    let message = Message::new(libc::RTM_NEWLINK, &ifinfomsg(0, 0)).text(libc::IFLA_IFNAME, name);
    let name = shown(name);
    let what = format!("RTM_NEWLINK {name} {words}");
    Request::new(fill(message), what, format_args!("ip link set {name} {words}"))
        .hint(Errno::ENODEV, "no such link")
}

/// Makes a link a port of the bridge with this index; 0 frees it.
pub fn set_master(name: &str, bridge: u32, bridge_name: &str) -> Request {
    change(name, format_args!("master {}", shown(bridge_name)), |m| {
        m.number(libc::IFLA_MASTER, bridge)
    })
}

/// Moves a link to another namespace. It arrives there down and without addresses.
pub fn set_namespace(name: &str, namespace: Namespace) -> Request {
    change(name, namespace.to_string().trim_start(), |m| namespace.put(m))
}

/// Sets the size of the largest packet, in bytes.
pub fn set_mtu(name: &str, mtu: u32) -> Request {
    change(name, format_args!("mtu {mtu}"), |m| m.number(libc::IFLA_MTU, mtu))
}

/// Sets the hardware address. A bridge without one takes the lowest of its ports', and so another with each port.
pub fn set_mac(name: &str, mac: Mac) -> Request {
    change(name, format_args!("address {mac}"), |m| m.put(libc::IFLA_ADDRESS, &mac.0))
}

/// Sets a word for people, up to 255 bytes: whose link it is.
pub fn set_alias(name: &str, alias: &str) -> Request {
    let shown = ground::text::name(alias);
    change(name, format_args!("alias {shown}"), |m| m.put(libc::IFLA_IFALIAS, alias.as_bytes()))
}

/// Removes a link; a cable goes with either end.
pub fn delete(name: &str) -> Request {
    let message = Message::new(libc::RTM_DELLINK, &ifinfomsg(0, 0)).text(libc::IFLA_IFNAME, name);
    let name = shown(name);
    Request::new(message, format_args!("RTM_DELLINK {name}"), format_args!("ip link del {name}"))
        .hint(Errno::ENODEV, "no such link")
}

/// `struct ifinfomsg`: family, type, index, flags, and which of the flags are meant.
fn ifinfomsg_changing(index: u32, flags: u32, mask: u32) -> [u8; 16] {
    let mut fixed = [0; 16];
    fixed[4..8].copy_from_slice(&index.to_ne_bytes());
    fixed[8..12].copy_from_slice(&flags.to_ne_bytes());
    fixed[12..].copy_from_slice(&mask.to_ne_bytes());
    fixed
}

pub(super) fn ifinfomsg(index: u32, flags: u32) -> [u8; 16] {
    ifinfomsg_changing(index, flags, flags)
}
