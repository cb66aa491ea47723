//! What networks there are on this machine, and how they hang together: asked of the kernel, namespace by namespace.

mod draw;
mod published;
mod verb;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use ground::Result;
use ground::call::quietly;
use serde::Serialize;

pub use draw::draw;
pub use published::{Published, published};
pub use verb::VERB;

use crate::netlink::message::{Message, number};
use crate::netlink::{Link, Netlink};
use crate::within;

/// A network namespace.
#[derive(Debug, Serialize)]
pub struct Stack {
    /// The inode that is its identity.
    pub inode: u64,
    /// Who is in it, or its name.
    pub name: String,
    /// Its links, by index.
    pub links: Vec<Line>,
    /// Its routes, those that the kernel keeps of its own addresses left out.
    pub routes: Vec<String>,
    /// Ports that lead elsewhere.
    pub published: Vec<Published>,
}

/// A link, and what it leads to.
#[derive(Debug, Serialize)]
pub struct Line {
    /// Its number in its namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// `veth`, `bridge` …
    pub kind: Option<String>,
    /// Whether it is switched on, and has somebody at the other end.
    pub up: bool,
    /// The size of the largest packet.
    pub mtu: u32,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// The bridge of which it is a port.
    pub bridge: Option<String>,
    /// The other end of a cable, or the link below.
    pub peer: Option<Peer>,
}

/// The other end of a cable.
#[derive(Debug, Serialize)]
pub struct Peer {
    /// Its number there.
    pub index: u32,
    /// Its name there, when the namespace is among those that were asked.
    pub name: Option<String>,
    /// The inode of its namespace, when known.
    pub namespace: Option<u64>,
}

/// A namespace that can be asked, and how it is called.
struct Found {
    file: File,
    inode: u64,
    name: String,
    is_own: bool,
}

fn found(path: PathBuf, name: String) -> Option<Found> {
    let file = File::open(path).ok()?;
    let inode = file.metadata().ok()?.ino();
    Some(Found { file, inode, name, is_own: false })
}

/// Those of all processes that we may ask, and those with a name; each once. The caller's own comes first.
fn everywhere() -> Vec<Found> {
    let own = found("/proc/self/ns/net".into(), "here".into());
    let own = own.map(|own| Found { is_own: true, ..own });
    let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut numbers: Vec<i32> =
        numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    let named = super::named::list()
        .into_iter()
        .filter_map(|name| found(super::named::path(&name).ok()?, name));
    let of_processes = numbers.into_iter().filter_map(of_process);
    let mut seen = BTreeMap::new();
    let mut all: Vec<Found> = own.into_iter().chain(named).chain(of_processes).collect();
    all.retain(|one| seen.insert(one.inode, ()).is_none());
    all
}

fn of_process(number: i32) -> Option<Found> {
    let command = fs::read_to_string(format!("/proc/{number}/comm")).ok()?;
    let name = match command.trim() {
        // The kernel's own threads are where it began.
        "kthreadd" => "initial".to_string(),
        command => format!("{command} ({number})"),
    };
    found(format!("/proc/{number}/ns/net").into(), name)
}

/// All network namespaces that can be asked; of a process, its own and the caller's.
pub fn read(process: Option<i32>) -> Result<Vec<Stack>> {
    let mut all = everywhere();
    match process {
        Some(process) => {
            let asked = inode_of(process)?;
            all.retain(|one| one.inode == asked || one.is_own);
        }
        None => all.retain(may_enter),
    }
    let mut links = Vec::new();
    for one in &all {
        links.push(enter(one, || Netlink::route()?.links())?);
    }
    all.iter().zip(&links).map(|(one, own)| stack(one, own, &all, &links)).collect()
}

fn inode_of(process: i32) -> Result<u64> {
    let path = format!("/proc/{process}/ns/net");
    let file = quietly(format_args!("open {path}"))
        .hint(nix::errno::Errno::ENOENT, "no such process")
        .run(|| File::open(&path))?;
    Ok(quietly(format_args!("fstat {path}")).run(|| file.metadata())?.ino())
}

/// Where one is already, everybody may ask. To go elsewhere takes CAP_SYS_ADMIN here and there.
fn enter<T>(one: &Found, act: impl FnOnce() -> Result<T>) -> Result<T> {
    if one.is_own { act() } else { within(&one.file, act) }
}

fn may_enter(one: &Found) -> bool {
    one.is_own || within(&one.file, || Ok(())).is_ok()
}

fn stack(one: &Found, own: &[Link], all: &[Found], links: &[Vec<Link>]) -> Result<Stack> {
    enter(one, || {
        let mut netlink = Netlink::route()?;
        let addresses = netlink.addresses()?;
        let named = |index| own.iter().find(|link| Some(link.index) == index);
        let numbers = numbers(&mut netlink, all)?;
        let line = |link: &Link| Line {
            index: link.index,
            name: link.name.clone(),
            kind: link.kind.clone(),
            up: link.is_up() && link.has_carrier(),
            mtu: link.mtu,
            addresses: addresses
                .iter()
                .filter(|address| address.link == link.index)
                .map(|address| address.cidr.to_string())
                .collect(),
            bridge: named(link.master).map(|bridge| bridge.name.clone()),
            peer: peer(link, own, all, links, &numbers),
        };
        let routes = netlink.routes()?;
        let routes = routes.iter().filter(|route| route.is_main()).map(|route| {
            let to = route.destination.map_or("default".into(), |cidr| cidr.to_string());
            let via = route.gateway.map_or(String::new(), |gateway| format!(" via {gateway}"));
            format!("{to}{via} dev {}", named(route.link).map_or("?", |link| &link.name))
        });
        Ok(Stack {
            inode: one.inode,
            name: one.name.clone(),
            links: own.iter().map(line).collect(),
            routes: routes.collect(),
            // Without nf_tables nothing is published.
            published: published().unwrap_or_default(),
        })
    })
}

/// The number that the asked namespace has for each of the others: `RTM_GETNSID`. -1 is none.
fn numbers(netlink: &mut Netlink, all: &[Found]) -> Result<Vec<Option<i32>>> {
    const NETNSA_NSID: u16 = 1;
    const NETNSA_FD: u16 = 3;
    let number_of = |one: &Found| {
        let question =
            Message::new(libc::RTM_GETNSID, &[0; 4]).number(NETNSA_FD, one.file.as_raw_fd() as u32);
        netlink.ask("RTM_GETNSID", question, |answer| {
            answer.attributes(4).get(NETNSA_NSID).and_then(number).map(|number| number as i32)
        })
    };
    all.iter().map(number_of).collect()
}

/// Where the other end is: in this namespace, or in the one that this one knows by a number.
fn peer(
    link: &Link,
    own: &[Link],
    all: &[Found],
    links: &[Vec<Link>],
    numbers: &[Option<i32>],
) -> Option<Peer> {
    let there = link.peer_namespace.filter(|number| *number >= 0);
    // What stands on nothing names itself, or nobody.
    let index = link.peer.filter(|peer| *peer != 0 && (there.is_some() || *peer != link.index))?;
    let at = there.and_then(|there| numbers.iter().position(|number| *number == Some(there)));
    let among = match (there, at) {
        (None, _) => Some(own),
        (Some(_), Some(at)) => Some(&links[at][..]),
        (Some(_), None) => None,
    };
    let name = among.and_then(|links| links.iter().find(|link| link.index == index));
    Some(Peer {
        index,
        name: name.map(|link| link.name.clone()),
        namespace: at.map(|at| all[at].inode),
    })
}
