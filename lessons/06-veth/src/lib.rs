//! Lesson 06: a network of one's own.
//!
//! A network namespace is a whole network stack once more: its own links, addresses, routes, neighbours, packet filter,
//! ports and `net.*` settings. A new one has nothing but a loopback link, and that is down. What leads out of it is a
//! cable: a *veth* pair, two links of which each receives what the other sends, one end here and one end there.
//!
//! ```text
//!          HOST                                       BOX
//!
//!   bxw42 10.77.0.1/30  ◀━━━━━━━━ veth ━━━━━━━━▶  eth0 10.77.0.2/30
//!     │                                             ▲
//!     ▼ routes, filter, NAT                         │ default via 10.77.0.1
//! ```
//!
//! All of it is asked for over a socket, [`netlink`]; the `ip` program does nothing else.
//!
//! | to see … | look at |
//! | --- | --- |
//! | the new namespace, and its loopback | [`NetworkNamespace`], [`Loopback`] |
//! | the cable: laid in one request, its far end born in the box | [`Veth`] |
//! | how the kernel is asked | [`netlink`] |
//! | bridge, address translation, published ports, names, namespaces with a name | [`beyond`] |

pub mod beyond;
pub mod flags;
pub mod netlink;
mod sys;

use std::net::IpAddr;
use std::os::fd::AsFd;

use clone_pid::{Child, Part};
use ground::Result;
use ground::call::quietly;
use netlink::link::{self, End, Namespace};
use netlink::{Cidr, Mac, Netlink, address, route};
use nix::sched::{CloneFlags, setns};

// ANCHOR: network-namespace
/// A network stack of its own, with nothing in it. See network_namespaces(7).
pub struct NetworkNamespace;

impl Part for NetworkNamespace {
    fn namespaces(&self) -> CloneFlags {
        CloneFlags::CLONE_NEWNET
    }
}
// ANCHOR_END: network-namespace

// ANCHOR: loopback
/// The way to oneself: `lo` is there from the beginning, and down. Set up, it gets 127.0.0.1 and ::1 by itself.
pub struct Loopback;

impl Part for Loopback {
    fn enter(&mut self) -> Result<()> {
        Netlink::route()?.perform(link::set_loopback_up())
    }
}
// ANCHOR_END: loopback

/// A cable between the host and the box. See veth(4).
#[derive(Clone, Debug)]
pub struct Veth {
    /// The name of the end on the host.
    pub host: String,
    /// The addresses of that end.
    pub host_addresses: Vec<Cidr>,
    /// The bridge of which it is a port.
    pub bridge: Option<String>,
    /// The name of the end in the box.
    pub inside: String,
    /// The addresses in the box.
    pub addresses: Vec<Cidr>,
    /// Where the box sends what is for others: one of each family.
    pub gateways: Vec<IpAddr>,
    /// The hardware address in the box; the kernel draws one.
    pub mac: Option<Mac>,
    /// The size of the largest packet, in bytes; 1500 when left out.
    pub mtu: Option<u32>,
    /// Whose it is, for people and the sweeper: the name of a run.
    pub alias: String,
}

impl Veth {
    /// A cable without addresses, of this run.
    pub fn new(host: impl Into<String>) -> Veth {
        Veth {
            host: host.into(),
            host_addresses: Vec::new(),
            bridge: None,
            inside: "eth0".into(),
            addresses: Vec::new(),
            gateways: Vec::new(),
            mac: None,
            mtu: None,
            alias: ground::lesson::run_name().into(),
        }
    }

    /// An address of the host's end.
    pub fn host_address(mut self, cidr: Cidr) -> Veth {
        self.host_addresses.push(cidr);
        self
    }

    /// An address in the box.
    pub fn address(mut self, cidr: Cidr) -> Veth {
        self.addresses.push(cidr);
        self
    }

    /// Where the box sends what is for others.
    pub fn gateway(mut self, gateway: IpAddr) -> Veth {
        self.gateways.push(gateway);
        self
    }
}

// ANCHOR: veth
impl Part for Veth {
    /// The box waits at the gate: its namespace is there, and named by its process. Both ends are made in one request, and
    /// the far one is born in the box. Had it been made here and moved, it would have been visible, under a name that must
    /// be free, in a namespace that is not its own.
    fn attach(&mut self, child: &Child) -> Result<()> {
        let mut netlink = Netlink::route()?;
        let bridge = self.bridge.as_ref().map(|name| netlink.link(name)).transpose()?;
        let near = End { up: true, master: bridge.map(|link| link.index), ..End::new(&self.host) };
        let far = Namespace::Of(child.pid());
        let far = End { mac: self.mac, namespace: far, ..End::new(&self.inside) };
        netlink.perform_all([
            link::add_veth(&near, &far, self.mtu),
            link::set_alias(&self.host, &self.alias),
        ])?;
        give(&mut netlink, &self.host, &self.host_addresses, [])
    }

    /// In the box. The order is the kernel's: a gateway must be in the network of an address, on a link that is up.
    fn enter(&mut self) -> Result<()> {
        let mut netlink = Netlink::route()?;
        let routes = self.gateways.iter().map(|gateway| route::add_default(*gateway));
        let rest = std::iter::once(link::set_up(&self.inside, true)).chain(routes);
        give(&mut netlink, &self.inside, &self.addresses, rest)
    }

    // There is nothing to release: with the last process of the box its namespace ends, with that its end of the cable, and
    // with that the other. The kernel does it in its own time. `ip link del` would have us wait, 13 to 15 ms on a machine
    // with two CPUs, until no CPU can hold a packet of the link any more.
}

/// An address belongs to a link by its number, which only the kernel knows.
fn give(
    netlink: &mut Netlink,
    name: &str,
    addresses: &[Cidr],
    rest: impl IntoIterator<Item = netlink::Request>,
) -> Result<()> {
    if addresses.is_empty() {
        return netlink.perform_all(rest);
    }
    let link = netlink.link(name)?;
    let addresses = addresses.iter().map(|cidr| address::add(&link, *cidr));
    netlink.perform_all(addresses.chain(rest))
}
// ANCHOR_END: veth

/// Does something in another network namespace. What is opened there stays there: a socket belongs to the namespace in
/// which it was made. See setns(2).
pub fn within<T>(namespace: impl AsFd, act: impl FnOnce() -> Result<T>) -> Result<T> {
    let home =
        quietly("open /proc/self/ns/net").run(|| std::fs::File::open("/proc/self/ns/net"))?;
    let kind = CloneFlags::CLONE_NEWNET;
    quietly("setns CLONE_NEWNET").run(|| setns(namespace, kind))?;
    let result = act();
    quietly("setns CLONE_NEWNET, back").run(|| setns(home, kind))?;
    result
}
