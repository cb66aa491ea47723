//! The flags that this lesson adds to `run`: Docker's, with Docker's meaning where Docker has them.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Deref;
use std::path::PathBuf;
use std::rc::Rc;

use clap::Args;
use ground::needs::in_initial_user_namespace;
use ground::story::notice;
use ground::{Error, Result};

use crate::beyond::bridge::Wanted;
use crate::beyond::names::{Host, Names};
use crate::beyond::network::{Mode, Network};
use crate::beyond::publish::Port;
use crate::beyond::sysctls::{Sysctl, Sysctls};
use crate::netlink::{Cidr, Mac};

/// `run --network` and its relatives.
#[derive(Args, Clone, Debug, Default)]
#[group(skip)] // clap would name a group after the struct, and earlier lessons' have the same name
pub struct Flags {
    /// Lesson 05's flags.
    #[command(flatten)]
    pub base: memory_oom::flags::Flags,
    /// Network of the box: veth (a cable to the host, and nothing behind it), bridge (to other boxes and, through NAT,
    /// everywhere), none (only loopback), host, container:PID, ns:NAME, pasta or slirp4netns (programs that connect it without
    /// root)
    #[arg(long, visible_alias = "net", value_name = "MODE")]
    pub network: Option<Mode>,
    /// Address in the bridge's network; the lowest that is free
    #[arg(long, value_name = "IPV4")]
    pub ip: Option<Ipv4Addr>,
    /// The same for IPv6
    #[arg(long, value_name = "IPV6")]
    pub ip6: Option<Ipv6Addr>,
    /// IPv4 network of the bridge, when it is made, or of the cable: 10.77.0.0/24
    #[arg(long, value_name = "CIDR", value_parser = subnet)]
    pub subnet: Option<Cidr>,
    /// Hardware address of eth0; made of the IPv4 address
    #[arg(long, value_name = "MAC")]
    pub mac_address: Option<Mac>,
    /// Largest packet on the cable, in bytes
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(68..=65535))]
    pub mtu: Option<u32>,
    /// Port of the host that leads to a port of the box; may be repeated; with --network bridge
    #[arg(short, long = "publish", value_name = "[IP:]HOST:BOX[/udp]")]
    pub publish: Vec<Port>,
    /// Name server of the box; may be repeated; the host's
    #[arg(long, value_name = "IP")]
    pub dns: Vec<IpAddr>,
    /// Further line of /etc/hosts; may be repeated
    #[arg(long, value_name = "NAME:IP")]
    pub add_host: Vec<Host>,
    /// Setting of the box's network, net.*; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub sysctl: Vec<Sysctl>,
    /// Let the bridge turn on forwarding on this machine without asking
    #[arg(long)]
    pub yes: bool,
    /// The run of the box whose network this one has, and whose files of names it is lent.
    #[arg(skip)]
    pub names_of: Option<PathBuf>,
    /// The addresses of the box, once it has them.
    #[arg(skip)]
    addresses: Rc<RefCell<Vec<IpAddr>>>,
}

impl Deref for Flags {
    type Target = memory_oom::flags::Flags;

    fn deref(&self) -> &Self::Target {
        &self.base
    }
}

impl Flags {
    /// The network that the flags describe. Nothing said is a cable; root of a user namespace cannot plug one in on the
    /// host's side, and gets loopback.
    pub fn network(&self) -> Result<Network> {
        let mode = self.mode();
        if self.network.is_none() && matches!(mode, Mode::None) {
            notice("only loopback: a user namespace may not plug a cable into the host's network");
        }
        self.check(&mode)?;
        let (ip, ip6) = (self.ip.map(IpAddr::V4), self.ip6.map(IpAddr::V6));
        let wanted = Wanted { subnet: self.subnet, ip, ip6, yes: self.yes };
        let network = Network::new(mode).wanting(wanted);
        let network = network.link(self.mac_address, self.mtu).ports(self.publish.clone());
        Ok(network.telling(self.addresses.clone()))
    }

    fn mode(&self) -> Mode {
        let usual = if in_initial_user_namespace() { Mode::Veth } else { Mode::None };
        self.network.clone().unwrap_or(usual)
    }

    /// What a flag asks for must be there to be given.
    fn check(&self, mode: &Mode) -> Result<()> {
        let (bridge, cable) =
            (matches!(mode, Mode::Bridge), matches!(mode, Mode::Bridge | Mode::Veth));
        // Those of another box are that box's, too; a runtime that knows the box says what they are.
        let own_names = mode.joined().is_none() || self.names_of.is_some();
        let wants = [
            ("--ip", self.ip.is_some(), bridge, "--network bridge"),
            ("--ip6", self.ip6.is_some(), bridge, "--network bridge"),
            ("--publish", !self.publish.is_empty(), bridge, "--network bridge"),
            ("--subnet", self.subnet.is_some(), cable, "--network bridge or veth"),
            ("--mac-address", self.mac_address.is_some(), cable, "--network bridge or veth"),
            ("--mtu", self.mtu.is_some(), cable, "--network bridge or veth"),
            ("--sysctl", !self.sysctl.is_empty(), mode.is_own(), "a network of the box's own"),
            ("--dns", !self.dns.is_empty(), own_names, "names of the box's own"),
            ("--add-host", !self.add_host.is_empty(), own_names, "names of the box's own"),
        ];
        match wants.iter().find(|(_, given, can, _)| *given && !can) {
            Some((flag, _, _, needed)) => Err(Error::usage(format!("{flag} needs {needed}"))),
            None => Ok(()),
        }
    }

    /// Names in the box: list it after the network, which knows the addresses, and after the root, which is a plain
    /// directory or none that is known before.
    pub fn names(&self, root: Option<PathBuf>) -> Names {
        Names {
            root,
            hostname: self.hostname.clone(),
            addresses: self.addresses.clone(),
            hosts: self.add_host.clone(),
            dns: self.dns.clone(),
            shares_loopback: matches!(self.mode(), Mode::Host),
            lent_by: self.names_of.clone().or_else(|| self.mode().joined()?.run_dir().ok()?),
            ..Names::default()
        }
    }

    /// Settings of its network.
    pub fn sysctls(&self) -> Sysctls {
        Sysctls(self.sysctl.clone())
    }
}

/// A network with room for a gateway and a box.
fn subnet(word: &str) -> Result<Cidr> {
    let cidr: Cidr = word.parse()?;
    let wrong = |why: &str| Err(Error::usage(why));
    match cidr {
        Cidr { address: IpAddr::V6(_), .. } => wrong("an IPv4 network is wanted"),
        Cidr { prefix: ..8, .. } => wrong("that is more than one network can be: at least /8"),
        Cidr { prefix: 31.., .. } => wrong("there is no room for gateway and box: at most /30"),
        Cidr { address, .. } if !is_for_hosts(address) => {
            wrong("no host can have an address of that network")
        }
        cidr if cidr.network() != cidr => {
            Err(Error::usage(format!("{cidr} names a host; the network is {}", cidr.network())))
        }
        cidr => Ok(cidr),
    }
}

/// 0, 127, and from 224 on: this host, loopback, groups, and what nobody uses.
fn is_for_hosts(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(four) if !matches!(four.octets()[0], 0 | 127 | 224..))
}
