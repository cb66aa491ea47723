//! What demo and experiments share: network namespaces that play hosts, routers and boxes, and what is done in them.

mod needs;
pub mod rules;
mod told;
mod world;

use std::fmt::Display;
use std::fs::File;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use clone_pid::beyond::{Report, probing};
use clone_pid::{Output, Running};
use ground::Result;
use ground::call::{doing, quietly};
use ground::interrupt;
use ground::story::{box_evidence, evidence, muted};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::Pid;
use veth::beyond::sniff::{Tap, take_all};
use veth::netlink::address::Address;
use veth::netlink::link::{self, End, Namespace};
use veth::netlink::route::Route;
use veth::netlink::{Cidr, Link, Netlink, Request, State, address, route};

pub use needs::{BRIDGED, WITH_RULES};
pub use told::{is_fallback, tell_addresses, tell_learnt, tell_link, tell_links, tell_routes};
pub use world::{GATEWAY, HOST, INSIDE, OUTSIDE, World};

/// A network namespace that is kept by a descriptor: it ends with the lesson, and with it all that is in it.
pub struct Node {
    pub name: &'static str,
    handle: File,
}

fn own_namespace() -> Result<File> {
    quietly("open /proc/self/ns/net").run(|| File::open("/proc/self/ns/net"))
}

fn join(handle: &File) -> Result<()> {
    quietly("setns CLONE_NEWNET").run(|| setns(handle, CloneFlags::CLONE_NEWNET))
}

/// Root of a user namespace has no power over the network namespace from which it came, and could not come back to it: it
/// leaves that one for good.
fn leave_what_is_not_ours() -> Result<()> {
    match join(&own_namespace()?) {
        Ok(()) => Ok(()),
        Err(_) => quietly("unshare CLONE_NEWNET").run(|| unshare(CloneFlags::CLONE_NEWNET)),
    }
}

impl Node {
    /// A new one. The lesson's process comes back from it at once.
    pub fn new(name: &'static str) -> Result<Node> {
        leave_what_is_not_ours()?;
        let own = own_namespace()?;
        doing(format_args!("unshare CLONE_NEWNET: {name}"))
            .like_args(format_args!("ip netns add {name}"))
            .run(|| unshare(CloneFlags::CLONE_NEWNET))?;
        let node = Node { name, handle: own_namespace()? };
        join(&own)?;
        Ok(node)
    }

    /// The one in which the lesson's process is.
    pub fn current(name: &'static str) -> Result<Node> {
        leave_what_is_not_ours()?;
        Ok(Node { name, handle: own_namespace()? })
    }

    /// That of a process.
    pub fn of(name: &'static str, process: Pid) -> Result<Node> {
        Node::at(name, Path::new(&format!("/proc/{process}/ns/net")))
    }

    /// One that a file means: `/run/netns/NAME`.
    pub fn at(name: &'static str, file: &Path) -> Result<Node> {
        leave_what_is_not_ours()?;
        let open = || File::open(file);
        Ok(Node { name, handle: quietly(format_args!("open {}", file.display())).run(open)? })
    }

    /// A new one, in which the lesson's process is from now on: what is done to "the host" ends with the lesson.
    pub fn instead_of_host() -> Result<Node> {
        doing("unshare CLONE_NEWNET")
            .like("unshare --net")
            .run(|| unshare(CloneFlags::CLONE_NEWNET))?;
        Node::current("host")
    }

    /// The descriptor that means it.
    pub fn handle(&self) -> &File {
        &self.handle
    }

    /// Its identity.
    pub fn inode(&self) -> Result<u64> {
        Ok(quietly("fstat a network namespace").run(|| self.handle.metadata())?.ino())
    }

    /// Does something there.
    pub fn within<T>(&self, act: impl FnOnce() -> Result<T>) -> Result<T> {
        veth::within(&self.handle, act)
    }

    fn netlink(&self) -> Result<Netlink> {
        self.within(Netlink::route)
    }

    /// Asks its kernel for a change.
    pub fn perform(&self, request: Request) -> Result<()> {
        self.netlink()?.perform(request)
    }

    /// The link of this name.
    pub fn link(&self, name: &str) -> Result<Link> {
        self.netlink()?.link(name)
    }

    /// All of its links.
    pub fn links(&self) -> Result<Vec<Link>> {
        self.netlink()?.links()
    }

    /// All of its addresses.
    pub fn addresses(&self) -> Result<Vec<Address>> {
        self.netlink()?.addresses()
    }

    /// What people call routes.
    pub fn routes(&self) -> Result<Vec<Route>> {
        let mut routes = self.netlink()?.routes()?;
        routes.retain(Route::is_main);
        Ok(routes)
    }

    /// Gives a link an address.
    pub fn address(&self, name: &str, cidr: &str) -> Result<()> {
        let mut netlink = self.netlink()?;
        let link = netlink.link(name)?;
        netlink.perform(address::add(&link, cidr.parse::<Cidr>()?))
    }

    /// Adds the default route.
    pub fn default_via(&self, gateway: impl Into<IpAddr>) -> Result<()> {
        self.perform(route::add_default(gateway.into()))
    }

    /// Switches a link on.
    pub fn up(&self, name: &str) -> Result<()> {
        self.perform(link::set_up(name, true))
    }

    /// Waits until a link that is on has a carrier and sends: after the other end went up that takes a moment.
    pub fn settled(&self, name: &str) -> Result<()> {
        for _ in 0..100 {
            if self.link(name)?.state == State::Up {
                return Ok(());
            }
            interrupt::sleep(Duration::from_millis(5));
        }
        Err(ground::Error::environment(format!("{name} in {} does not come up", self.name)))
    }

    /// Listens to what passes there.
    pub fn tap(&self) -> Result<Tap> {
        let names = self.links()?.into_iter().map(|link| (link.index, link.name)).collect();
        self.within(|| Tap::open(self.name, names))
    }

    /// Starts a script of the probe there, its output captured.
    pub fn start(&self, script: &str) -> Result<Running> {
        muted(|| self.within(|| probing(script)?.start()))
    }

    /// Runs a script of the probe there to its end.
    pub fn run(&self, script: &str) -> Result<Output> {
        muted(|| self.start(script)?.output())
    }

    /// Starts a server of the probe there, and waits until it listens.
    pub fn serve(&self, script: &str) -> Result<Running> {
        let mut running = self.start(script)?;
        Report::until(&mut running, "listening")?;
        Ok(running)
    }

    /// Tells evidence in the lane to which this namespace belongs.
    pub fn tell(&self, source: impl Display, value: impl Display) {
        match self.name {
            "box" | "other" => box_evidence(source, value),
            _ => evidence(source, value),
        }
    }

    /// Echo requests from there: told.
    pub fn ping(&self, to: impl Into<IpAddr>) -> Result<Ping> {
        self.ping_with(to, "2 56 400")
    }

    /// …with count, size and patience of one's own.
    pub fn ping_with(&self, to: impl Into<IpAddr>, how: &str) -> Result<Ping> {
        let to = to.into();
        let report = Report::parse(&self.run(&format!("ping {to} {how}"))?.text);
        let number = |key| Ok::<u64, ground::Error>(report.get(key)?.parse().unwrap_or(0));
        let ping = Ping {
            sent: number("sent")?,
            received: number("received")?,
            refused: Some(report.get("refused")?)
                .filter(|word| *word != "none")
                .map(str::to_string),
            microseconds: number("rtt-us")?,
        };
        let refused = ping.refused.as_ref().map_or(String::new(), |errno| format!(", {errno}"));
        let found = format!("{} of {} answered{refused}", ping.received, ping.sent);
        self.tell(format!("{}: ping {to}", self.name), found);
        Ok(ping)
    }

    /// Reads a parameter there: `/proc/sys/net` shows the namespace of whoever reads.
    pub fn sysctl(&self, name: &str) -> Result<String> {
        let file = format!("/proc/sys/{}", name.replace('.', "/"));
        let read = || quietly(format_args!("read {file}")).run(|| std::fs::read_to_string(&file));
        let text = self.within(read)?;
        Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// Writes one.
    pub fn set_sysctl(&self, name: &str, value: &str) -> Result<()> {
        let file = format!("/proc/sys/{}", name.replace('.', "/"));
        self.within(|| {
            doing(format_args!("write {value} to {file} in {}", self.name))
                .like_args(format_args!("sysctl -w {name}={value}"))
                .run(|| std::fs::write(&file, value))
        })
    }
}

/// What came of echo requests.
pub struct Ping {
    pub sent: u64,
    pub received: u64,
    /// The errno with which the sender's own kernel refused to send.
    pub refused: Option<String>,
    /// Median of the round trips.
    pub microseconds: u64,
}

impl Ping {
    /// All were answered.
    pub fn went_well(&self) -> bool {
        self.received == self.sent
    }

    /// None was.
    pub fn was_lost(&self) -> bool {
        self.received == 0
    }
}

/// Lays a cable between two namespaces, both ends off.
pub fn cable(near: (&Node, &str), far: (&Node, &str)) -> Result<()> {
    let namespace = Namespace::Open(far.0.handle.as_fd());
    near.0.perform(link::add_veth(&End::new(near.1), &End { namespace, ..End::new(far.1) }, None))
}

/// Waits until the kernel notes when a frame passes, for all sockets: `speak` makes some pass.
pub fn until_timed(taps: &[Tap], speak: impl Fn() -> Result<Ping>) -> Result<()> {
    for _ in 0..50 {
        take_all(taps)?;
        muted(&speak)?;
        let seen = take_all(taps)?;
        if !seen.is_empty() && seen.iter().all(|seen| seen.timed) {
            return Ok(());
        }
        interrupt::sleep(Duration::from_millis(10));
    }
    Err(ground::Error::environment("this kernel does not say when a frame passed"))
}
