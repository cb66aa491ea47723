//! The isolation card: one row for each thing that a container is made of, the host's value beside the process's.
//!
//! It reads only the kernel, so it is as true of a process of Docker, runc or bubblewrap as of the kit's own boxes.

mod limits;

use std::io::{IsTerminal, stderr};
use std::sync::OnceLock;

use nix::unistd::Pid;

use crate::error::Result;
use crate::lesson;
use crate::proc::idmap::IdMap;
use crate::proc::ns::Namespace;
use crate::proc::status::Status;
use crate::proc::{self, Identity, Process};
use crate::story::{self, CardRow, Event};
use crate::text::{Text, caps, inode, name};

/// One value, and the identity by which it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    thing: &'static str,
    shown: Text,
    compared: String,
}

/// What one process is contained by.
#[derive(Clone, Debug)]
pub struct Card(Vec<Entry>);

impl Card {
    /// Reads the card of a process; for another user's this needs root.
    pub fn of(process: &Process) -> Result<Card> {
        let status = process.status()?;
        let mut entries = Vec::with_capacity(18);
        for kind in Namespace::ALL {
            entries.push(namespace(process, kind)?);
        }
        entries.push(root(process)?);
        entries.extend(limits::entries(process)?);
        entries.extend(powers(&status));
        entries.push(uid_map(&process.uid_map()?));
        entries.push(network(process)?);
        entries.push(init(process, &status)?);
        Ok(Card(entries))
    }

    /// The card beside the host's.
    pub fn against(&self, host: &Card) -> Vec<CardRow> {
        let row = |(inside, host): (&Entry, &Entry)| CardRow {
            thing: inside.thing.to_string(),
            host: host.shown.clone(),
            inside: inside.shown.clone(),
            isolated: inside.compared != host.compared,
        };
        self.0.iter().zip(&host.0).map(row).collect()
    }

    /// Tells the card as an event of the story.
    pub fn tell(&self) -> Result<()> {
        story::emit(&Event::Card { rows: self.against(host()?) });
        Ok(())
    }

    /// Tells it on standard error when no story is being told: at the end of a quiet `run`.
    pub fn show(&self) -> Result<()> {
        if !story::listening() {
            lesson::look().tell_on(stderr(), stderr().is_terminal());
        }
        self.tell()
    }
}

/// The host's card: this process's own when it first asked. `--rootless` asks before it leaves the host's namespaces.
pub fn host() -> Result<&'static Card> {
    static HOST: OnceLock<Card> = OnceLock::new();
    if let Some(card) = HOST.get() {
        return Ok(card);
    }
    let card = Card::of(&Process::this())?;
    Ok(HOST.get_or_init(|| card))
}

fn entry(thing: &'static str, shown: impl AsRef<str>, compared: impl ToString) -> Entry {
    Entry { thing, shown: Text::from(shown), compared: compared.to_string() }
}

fn namespace(process: &Process, kind: Namespace) -> Result<Entry> {
    let thing = match kind {
        Namespace::Mount => "mount namespace",
        Namespace::Pid => "pid namespace",
        Namespace::Uts => "uts namespace",
        Namespace::Ipc => "ipc namespace",
        Namespace::Network => "net namespace",
        Namespace::User => "user namespace",
        Namespace::Cgroup => "cgroup namespace",
        Namespace::Time => "time namespace",
    };
    // A kernel before 5.6 has no time namespaces: everybody shares the one clock.
    match process.namespace(kind) {
        Ok(id) => Ok(entry(thing, inode(id.ino).to_string(), id.ino)),
        Err(_) if kind == Namespace::Time => Ok(entry(thing, "not in this kernel", 0)),
        Err(e) => Err(e),
    }
}

fn root(process: &Process) -> Result<Entry> {
    let Identity { dev, ino } = process.root()?;
    let (major, minor) = (nix::sys::stat::major(dev), nix::sys::stat::minor(dev));
    let shown = inode(format_args!("{major}:{minor} inode {ino}")).to_string();
    Ok(entry("root directory", shown, format_args!("{dev} {ino}")))
}

fn powers(status: &Status) -> [Entry; 3] {
    let held = status.capabilities;
    let mask = format!("{:016x}", held.effective);
    let shown = match held.effective.count_ones() {
        0 => format!("none, at most {}", caps(held.bounding.count_ones())),
        some => format!("{} held, at most {}", caps(some), caps(held.bounding.count_ones())),
    };
    let seccomp = match status.seccomp {
        0 => "off",
        1 => "strict",
        _ => "filter",
    };
    let privileges = if status.no_new_privs { "set" } else { "not set" };
    [
        entry("capabilities", shown, format!("{mask} {:016x}", held.bounding)),
        entry("seccomp", seccomp, status.seccomp),
        entry("no_new_privs", privileges, status.no_new_privs),
    ]
}

fn uid_map(maps: &[IdMap]) -> Entry {
    let compared = format!("{maps:?}");
    let line = |map: &IdMap| {
        let last = map.inside.saturating_add(map.length - map.length.min(1));
        match map.length {
            1 => format!("{} is {}", map.inside, name(map.outside)),
            _ => format!("{}-{last} are {}…", map.inside, name(map.outside)),
        }
    };
    let shown = match maps {
        [] => "nobody mapped".to_string(),
        [all] if all.length == u32::MAX && all.inside == all.outside => "identity".to_string(),
        some => some.iter().map(line).collect::<Vec<_>>().join(", "),
    };
    entry("uid map", shown, compared)
}

/// The interfaces that the process sees.
fn network(process: &Process) -> Result<Entry> {
    let text = process.read("net/dev")?;
    let mut links: Vec<&str> =
        text.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim())).collect();
    links.sort_unstable();
    // The links of two namespaces can have the same names: what tells them apart is the namespace.
    let namespace = process.namespace(Namespace::Network)?.ino;
    Ok(entry("network", name(links.join(" ")).to_string(), namespace))
}

/// PID 1 of the process's PID namespace, by command name.
fn init(process: &Process, status: &Status) -> Result<Entry> {
    let namespace = process.namespace(Namespace::Pid)?.ino;
    let ours = Process::this().namespace(Namespace::Pid).is_ok_and(|id| id.ino == namespace);
    let init = match status.nspid.last() {
        Some(1) => Some(status.name.clone()),
        _ if ours => Process::of(Pid::from_raw(1)).status().ok().map(|init| init.name),
        _ => init_of(namespace),
    };
    let shown = init.map_or("not visible".to_string(), |comm| name(comm).to_string());
    Ok(entry("init (PID 1)", shown, namespace))
}

/// Finds PID 1 of a PID namespace among the processes in `/proc`.
fn init_of(namespace: u64) -> Option<String> {
    let is_init = |pid: &Pid| {
        let process = Process::of(*pid);
        process.namespace(Namespace::Pid).is_ok_and(|id| id.ino == namespace)
            && process.status().is_ok_and(|status| status.nspid.last() == Some(&1))
    };
    let pid = proc::all().ok()?.into_iter().find(is_init)?;
    Process::of(pid).status().ok().map(|status| status.name)
}
