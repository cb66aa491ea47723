//! A box, a bridge, a host that routes, and a machine outside: each a network namespace.

use std::net::Ipv4Addr;

use ground::Result;
use ground::story::muted;
use veth::netlink::link::{self, Kind, Namespace};

use super::{Node, cable};

/// The box.
pub const INSIDE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
/// The bridge.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// The host, as others know it.
pub const HOST: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// The machine outside. It knows no route to the box.
pub const OUTSIDE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);

/// ```text
///   box                    host                                        outside
///   eth0 10.77.0.2 ═══ port1 ─ br0 10.77.0.1   uplink 203.0.113.1 ═══ eth0 203.0.113.2
/// ```
pub struct World {
    pub inside: Node,
    pub host: Node,
    pub outside: Node,
}

impl World {
    /// Box and bridge; nothing outside. In silence.
    pub fn at_bridge() -> Result<World> {
        muted(|| {
            let world = World::apart()?;
            world.lay_bridge()?;
            Ok(world)
        })
    }

    /// All of it, but the host neither forwards nor translates. In silence.
    pub fn with_outside() -> Result<World> {
        muted(|| {
            let world = World::at_bridge()?;
            world.lay_uplink()?;
            world.host.set_sysctl("net.ipv4.ip_forward", "0")?;
            Ok(world)
        })
    }

    /// Three namespaces with nothing in them.
    fn apart() -> Result<World> {
        Ok(World {
            inside: Node::new("box")?,
            host: Node::new("host")?,
            outside: Node::new("outside")?,
        })
    }

    fn lay_bridge(&self) -> Result<()> {
        self.host.perform(link::add("br0", Kind::Bridge, Namespace::Here))?;
        self.host.address("br0", "10.77.0.1/24")?;
        self.host.up("br0")?;
        self.plug(&self.inside, "port1", "10.77.0.2/24")
    }

    /// A cable from a port of the bridge to a box, with address and default route.
    fn plug(&self, node: &Node, port: &str, cidr: &str) -> Result<()> {
        // With IPv6 a link announces itself when it goes up, and a bridge would have learnt of it before anybody speaks.
        let silence = "net.ipv6.conf.default.disable_ipv6";
        if node.sysctl(silence).is_ok() {
            node.set_sysctl(silence, "1")?;
        }
        cable((&self.host, port), (node, "eth0"))?;
        let bridge = self.host.link("br0")?;
        self.host.perform(link::set_master(port, bridge.index, "br0"))?;
        node.perform(link::set_loopback_up())?;
        node.address("eth0", cidr)?;
        self.host.up(port)?;
        node.up("eth0")?;
        node.settled("eth0")?;
        self.host.settled(port)?;
        self.host.settled("br0")?;
        node.default_via(GATEWAY)
    }

    fn lay_uplink(&self) -> Result<()> {
        self.host.perform(link::set_loopback_up())?;
        cable((&self.host, "uplink"), (&self.outside, "eth0"))?;
        self.host.address("uplink", "203.0.113.1/24")?;
        self.outside.address("eth0", "203.0.113.2/24")?;
        self.host.up("uplink")?;
        self.outside.up("eth0")?;
        self.host.settled("uplink")?;
        self.outside.settled("eth0")
    }

    /// One box more at the bridge. In silence.
    pub fn join(&self, name: &'static str, port: &str, cidr: &str) -> Result<Node> {
        muted(|| {
            let node = Node::new(name)?;
            self.plug(&node, port, cidr)?;
            Ok(node)
        })
    }

    /// The host forwards from now on, or no more.
    pub fn forward(&self, on: bool) -> Result<()> {
        self.host.set_sysctl("net.ipv4.ip_forward", if on { "1" } else { "0" })
    }
}
