//! The network of a box: one of several, as `--network` says.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clone_pid::{Child, Part};
use ground::host::forwarding::Share;
use ground::host::network::{Shared, shared_name};
use ground::lesson::run_name;
use ground::{Error, Result, story};
use nix::errno::Errno;
use nix::sched::CloneFlags;

use super::bridge::{self, Wanted};
use super::join::{Joined, Target};
use super::publish::{self, Held, Port};
use super::user_network::{Program, UserNetwork};
use super::{forwarding, lease, nft};
use crate::netlink::{Cidr, Mac, Netlink};
use crate::{Loopback, NetworkNamespace, Veth};

/// Which network.
#[derive(Clone, Debug)]
pub enum Mode {
    /// A cable to the host, and nothing behind it: the lesson's own.
    Veth,
    /// A namespace with its loopback.
    None,
    /// The host's.
    Host,
    /// A cable to the bridge.
    Bridge,
    /// That of another box, or one with a name.
    Join(Target),
    /// Connected by a program of an ordinary user.
    By(Program),
}

impl Mode {
    /// Whether the box has a network namespace of its own.
    pub fn is_own(&self) -> bool {
        matches!(self, Mode::Veth | Mode::None | Mode::Bridge | Mode::By(_))
    }

    /// The box whose network it is.
    pub fn joined(&self) -> Option<&Target> {
        match self {
            Mode::Join(target @ Target::Box(_)) => Some(target),
            _ => None,
        }
    }
}

/// The network of a box.
pub struct Network {
    mode: Mode,
    wanted: Wanted,
    mac: Option<Mac>,
    mtu: Option<u32>,
    ports: Vec<Port>,
    held: Held,
    forwarding: Option<Share>,
    link: String,
    cable: Option<Veth>,
    joined: Option<Joined>,
    by: Option<UserNetwork>,
    addresses: Rc<RefCell<Vec<IpAddr>>>,
}

impl Network {
    /// One that needs nothing said.
    pub fn new(mode: Mode) -> Network {
        let joined = match &mode {
            Mode::Join(target) => Some(Joined::new(target.clone())),
            _ => None,
        };
        let by = match &mode {
            Mode::By(program) => Some(UserNetwork::by(*program)),
            _ => None,
        };
        Network {
            mode,
            wanted: Wanted::default(),
            mac: None,
            mtu: None,
            ports: Vec::new(),
            held: Held::default(),
            forwarding: None,
            link: link_name(),
            cable: None,
            joined,
            by,
            addresses: Rc::default(),
        }
    }

    /// With this place on the bridge.
    pub fn wanting(self, wanted: Wanted) -> Network {
        Network { wanted, ..self }
    }

    /// With this hardware address, and this size of the largest packet.
    pub fn link(self, mac: Option<Mac>, mtu: Option<u32>) -> Network {
        Network { mac, mtu, ..self }
    }

    /// With ports of the host that lead to it.
    pub fn ports(self, ports: Vec<Port>) -> Network {
        Network { ports, ..self }
    }

    /// Says the addresses of the box here, once it has them.
    pub fn telling(self, addresses: Rc<RefCell<Vec<IpAddr>>>) -> Network {
        Network { addresses, ..self }
    }

    /// The cable of the lesson: two addresses of a network that has no others.
    fn lay_cable(&mut self) -> Result<Vec<Cidr>> {
        let mut shared = Shared::lock()?;
        let routes = Netlink::route()?.routes()?;
        let pairs = (0..1 << 14).map(|n: u32| {
            let [.., high, low] = (n << 2).to_be_bytes();
            Cidr::new(IpAddr::from([10, 78, high, low]), 30)
        });
        let network = match self.wanted.subnet {
            Some(asked) => {
                lease::free_network(&shared.state, &routes, [asked.network()].into_iter())?
            }
            None => lease::free_network(&shared.state, &routes, pairs)?,
        };
        let (near, far) = (network.nth(1), network.nth(2));
        lease::take(&mut shared.state, &self.link, &[near, far]);
        shared.save()?;
        self.cable = Some(Veth::new(&self.link).host_address(near));
        Ok(vec![far])
    }

    fn plug_in(&mut self) -> Result<Vec<Cidr>> {
        let mut shared = Shared::lock()?;
        self.forwarding = bridge::stand(&mut shared, &self.wanted)?;
        let addresses = bridge::join(&mut shared, &self.link, &self.wanted)?;
        shared.save()?;
        self.held = publish::hold(&self.ports, addresses.len() > 1)?;
        if !self.ports.is_empty() {
            publish::publish(&self.ports, &addresses)?;
        }
        self.cable = Some(Veth { bridge: Some(shared_name()), ..Veth::new(&self.link) });
        Ok(addresses)
    }

    /// The box's end of the cable.
    fn furnish(&mut self, addresses: Vec<Cidr>) {
        let (mac, mtu) = (self.mac, self.mtu);
        self.addresses.replace(addresses.iter().map(|cidr| cidr.address).collect());
        self.cable = self.cable.take().map(|cable| {
            let of = |cidr: &Cidr| match cidr.address {
                IpAddr::V4(address) => Some(Mac::for_address(address)),
                IpAddr::V6(_) => None,
            };
            let gateways = addresses.iter().map(|cidr| cidr.nth(1).address).collect();
            let mac = mac.or(addresses.iter().find_map(of));
            Veth { mac, mtu, gateways, addresses, ..cable }
        });
    }
}

impl Part for Network {
    fn namespaces(&self) -> CloneFlags {
        match &self.joined {
            Some(joined) => joined.namespaces(),
            None if self.mode.is_own() => NetworkNamespace.namespaces(),
            None => CloneFlags::empty(),
        }
    }

    fn prepare(&mut self) -> Result<()> {
        let addresses = match &self.mode {
            Mode::Veth => self.lay_cable()?,
            Mode::Bridge => self.plug_in()?,
            Mode::Join(_) | Mode::By(_) | Mode::None | Mode::Host => Vec::new(),
        };
        self.furnish(addresses);
        self.by.as_mut().map_or(Ok(()), Part::prepare)?;
        self.joined.as_mut().map_or(Ok(()), Part::prepare)
    }

    fn attach(&mut self, child: &Child) -> Result<()> {
        self.joined.as_mut().map_or(Ok(()), |joined| joined.attach(child))?;
        self.by.as_mut().map_or(Ok(()), |program| program.attach(child))?;
        let Some(cable) = &mut self.cable else { return Ok(()) };
        cable.attach(child)?;
        // Nobody in the box has run yet.
        forwarding::ignore_announcements(&cable.host)
    }

    fn enter(&mut self) -> Result<()> {
        if self.mode.is_own() {
            Loopback.enter()?;
        }
        self.cable.as_mut().map_or(Ok(()), Part::enter)
    }

    fn release(&mut self) -> Result<()> {
        self.joined.as_mut().map_or(Ok(()), Part::release)?;
        self.by.as_mut().map_or(Ok(()), Part::release)?;
        if !matches!(self.mode, Mode::Veth | Mode::Bridge) {
            return Ok(());
        }
        if !self.ports.is_empty() {
            story::muted(unpublish)?;
        }
        self.held = Held::default();
        self.forwarding = None;
        bridge::leave(&mut Shared::lock()?, &self.link)
    }
}

/// The table of this run, which may never have been made.
fn unpublish() -> Result<()> {
    match nft::commit([nft::delete_table(run_name())]) {
        Err(e) if e.errno() == Some(Errno::ENOENT) => Ok(()),
        other => other,
    }
}

/// `bxwPID`: at most 15 bytes are allowed. The second box of a run is `bxwPID-1`.
fn link_name() -> String {
    static BOXES: AtomicUsize = AtomicUsize::new(0);
    let run = run_name().rsplit('-').next().unwrap_or("0");
    match BOXES.fetch_add(1, Ordering::Relaxed) {
        0 => format!("bxw{run}"),
        n => format!("bxw{run}-{n}"),
    }
}

/// `--network`, as typed.
impl std::str::FromStr for Mode {
    type Err = Error;

    fn from_str(word: &str) -> Result<Mode> {
        Ok(match (word, word.split_once(':')) {
            ("veth", _) => Mode::Veth,
            ("none", _) => Mode::None,
            ("host", _) => Mode::Host,
            ("bridge", _) => Mode::Bridge,
            (_, Some(("container", whose))) if !whose.is_empty() => {
                Mode::Join(Target::Box(whose.into()))
            }
            (_, Some(("ns", name))) => Mode::Join(Target::named(name)?),
            _ => Mode::By(Program::named(word).ok_or_else(|| {
                Error::usage(
                    "veth, none, host, bridge, container:ID, ns:NAME, pasta or slirp4netns is wanted",
                )
            })?),
        })
    }
}
