//! Links of other kinds than veth: the bridge, and what the experiments compare with it.

use std::net::Ipv4Addr;

use nix::errno::Errno;

use super::link::{Namespace, ifinfomsg};
use super::message::Message;
use super::{Request, shown};

const IFLA_MACVLAN_MODE: u16 = 1;
const IFLA_IPVLAN_MODE: u16 = 1;
const IFLA_VXLAN_ID: u16 = 1;
const IFLA_VXLAN_GROUP: u16 = 2;
const IFLA_VXLAN_LINK: u16 = 3;
const IFLA_VXLAN_LOCAL: u16 = 4;
const IFLA_VXLAN_LEARNING: u16 = 7;
const IFLA_VXLAN_PORT: u16 = 15;

/// What else can be made.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A switch.
    Bridge,
    /// A link that goes nowhere.
    Dummy,
    /// A second hardware address on the link of this index.
    Macvlan {
        /// Index of the link below.
        on: u32,
    },
    /// Further IP addresses on the hardware address of the link of this index.
    Ipvlan {
        /// Index of the link below.
        on: u32,
    },
    /// A tunnel for frames, in UDP.
    Vxlan {
        /// Number of the network in the tunnel.
        id: u32,
        /// Our address outside.
        local: Ipv4Addr,
        /// That of the other host.
        remote: Ipv4Addr,
        /// Index of the link that leads there.
        on: u32,
    },
}

/// Makes a link.
pub fn add(name: &str, kind: Kind, namespace: Namespace) -> Request {
    let message = Message::new(libc::RTM_NEWLINK, &ifinfomsg(0, 0))
        .flags(libc::NLM_F_CREATE | libc::NLM_F_EXCL)
        .text(libc::IFLA_IFNAME, name);
    let message = match kind {
        Kind::Macvlan { on } | Kind::Ipvlan { on } | Kind::Vxlan { on, .. } => {
            message.number(libc::IFLA_LINK, on)
        }
        Kind::Bridge | Kind::Dummy => message,
    };
    let message = namespace.put(message).nest(libc::IFLA_LINKINFO, |info| {
        info.text(libc::IFLA_INFO_KIND, kind.word())
            .nest(libc::IFLA_INFO_DATA, |data| kind.put(data))
    });
    let on = if kind.on().is_some() { " link …" } else { "" };
    let (name, word, options) = (shown(name), kind.word(), kind.options());
    Request::new(
        message,
        format_args!("RTM_NEWLINK {word} {name}{namespace}"),
        format_args!("ip link add {name}{on}{namespace} type {word}{options}"),
    )
    .hint(Errno::EOPNOTSUPP, "this kernel has no links of that kind; sudo modprobe KIND")
    .hint(Errno::EEXIST, "a link of that name is there; remove it with: ip link del")
}

impl Kind {
    /// As the kernel calls it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Bridge => "bridge",
            Kind::Dummy => "dummy",
            Kind::Macvlan { .. } => "macvlan",
            Kind::Ipvlan { .. } => "ipvlan",
            Kind::Vxlan { .. } => "vxlan",
        }
    }

    fn on(self) -> Option<u32> {
        match self {
            Kind::Macvlan { on } | Kind::Ipvlan { on } | Kind::Vxlan { on, .. } => Some(on),
            Kind::Bridge | Kind::Dummy => None,
        }
    }

    fn options(self) -> String {
        match self {
            Kind::Bridge | Kind::Dummy => String::new(),
            Kind::Macvlan { .. } => " mode bridge".into(),
            Kind::Ipvlan { .. } => " mode l2".into(),
            Kind::Vxlan { id, local, remote, .. } => {
                format!(" id {id} local {local} remote {remote} dstport 4789")
            }
        }
    }

    fn put(self, data: Message) -> Message {
        const MACVLAN_MODE_BRIDGE: u32 = 4;
        const IPVLAN_MODE_L2: u16 = 0;
        match self {
            Kind::Bridge | Kind::Dummy => data,
            Kind::Macvlan { .. } => data.number(IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE),
            Kind::Ipvlan { .. } => data.put(IFLA_IPVLAN_MODE, &IPVLAN_MODE_L2.to_ne_bytes()),
            Kind::Vxlan { id, local, remote, on } => data
                .number(IFLA_VXLAN_ID, id)
                // The kernel takes the tunnel's headers off the MTU of this link.
                .number(IFLA_VXLAN_LINK, on)
                .put(IFLA_VXLAN_GROUP, &remote.octets())
                .put(IFLA_VXLAN_LOCAL, &local.octets())
                .put(IFLA_VXLAN_LEARNING, &[1])
                .put(IFLA_VXLAN_PORT, &4789u16.to_be_bytes()),
        }
    }
}
