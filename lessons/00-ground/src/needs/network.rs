//! What the lesson of networks needs.

use std::env;

use super::declare::{Declared, need};
use super::kernel::{has_module, has_namespace};
use super::trial::Trial;
use super::{Need, Probe};
use crate::netlink;
use crate::proc::ns::Namespace;

pub const NAMESPACES: Declared = need(
    Need::NetworkNamespaces,
    "network-namespaces",
    "network namespaces",
    Probe::Kernel(|| has_namespace(Namespace::Network)),
)
.essential(&[6])
.remedy("boot a kernel with CONFIG_NET_NS");

pub const VETH: Declared = need(
    Need::Veth,
    "veth",
    "veth pairs: a cable between two network namespaces",
    Probe::Try(Trial::network(netlink::add_veth), || has_module("veth")),
)
.essential(&[6])
.remedy("sudo modprobe veth");

pub const BRIDGE: Declared = need(
    Need::Bridge,
    "bridge",
    "bridges: the switch between boxes",
    Probe::Try(Trial::network(netlink::add_bridge), || has_module("bridge")),
)
.affects(&[6])
.remedy("sudo modprobe bridge");

pub const NFTABLES: Declared = need(
    Need::Nftables,
    "nftables",
    "nf_tables: address translation and published ports",
    Probe::Try(Trial::network(netlink::ask_nf_tables), || has_module("nf_tables")),
)
.affects(&[6])
.remedy("sudo modprobe nf_tables");

pub const MACVLAN: Declared = need(
    Need::Macvlan,
    "macvlan",
    "macvlan: one cable, several hardware addresses",
    Probe::Try(Trial::network(|| netlink::knows("macvlan")), || has_module("macvlan")),
)
.affects(&[6])
.remedy("sudo modprobe macvlan");

pub const IPVLAN: Declared = need(
    Need::Ipvlan,
    "ipvlan",
    "ipvlan: one cable and one hardware address, several boxes",
    Probe::Try(Trial::network(|| netlink::knows("ipvlan")), || has_module("ipvlan")),
)
.affects(&[6])
.remedy("sudo modprobe ipvlan; `cargo xtask vm` has it");

pub const VXLAN: Declared = need(
    Need::Vxlan,
    "vxlan",
    "VXLAN: frames of one network carried in UDP by another",
    Probe::Try(Trial::network(|| netlink::knows("vxlan")), || has_module("vxlan")),
)
.affects(&[6])
.remedy("sudo modprobe vxlan");

pub const IPROUTE2: Declared = need(
    Need::Iproute2,
    "iproute2",
    "the program ip of iproute2, to see how it finds namespaces",
    Probe::Kernel(has_ip),
)
.affects(&[6])
.remedy("sudo apt install iproute2, or dnf install iproute");

/// busybox has one, too, which knows no namespaces; where it is installed, it is a link to busybox.
fn has_ip() -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut dirs = env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    let file = dirs.find_map(|dir| dir.join("ip").canonicalize().ok());
    file.is_some_and(|file| file.file_name().is_some_and(|name| name == "ip"))
}
