//! The rows of the card, except the limits.

use nix::sys::stat::{major, minor};
use nix::unistd::Pid;

use super::{Entry, entry};
use crate::error::Result;
use crate::proc::idmap::IdMap;
use crate::proc::ns::Namespace;
use crate::proc::status::Status;
use crate::proc::{self, Identity, Process};
use crate::text::{caps, inode, name};

pub(super) const ROOT: &str = "root directory";
pub(super) const NETWORK: &str = "network";
pub(super) const INIT: &str = "init (PID 1)";
/// A host may have hundreds of interfaces.
const LINKS_SHOWN: usize = 4;

pub(super) fn of_namespace(kind: Namespace) -> &'static str {
    match kind {
        Namespace::Mount => "mount namespace",
        Namespace::Pid => "pid namespace",
        Namespace::Uts => "uts namespace",
        Namespace::Ipc => "ipc namespace",
        Namespace::Network => "net namespace",
        Namespace::User => "user namespace",
        Namespace::Cgroup => "cgroup namespace",
        Namespace::Time => "time namespace",
    }
}

pub(super) fn namespace(process: &Process, kind: Namespace) -> Result<Entry> {
    let thing = of_namespace(kind);
    // A kernel before 5.6 has no time namespaces: everybody shares the one clock.
    match process.namespace(kind) {
        Ok(id) => Ok(entry(thing, inode(id.ino).to_string(), id.ino)),
        Err(e) if kind == Namespace::Time && e.errno() == Some(nix::errno::Errno::ENOENT) => {
            Ok(entry(thing, "not in this kernel", 0))
        }
        Err(e) => Err(e),
    }
}

pub(super) fn root(process: &Process) -> Result<Entry> {
    let Identity { dev, ino } = process.root()?;
    let shown = inode(format_args!("{}:{} inode {ino}", major(dev), minor(dev))).to_string();
    Ok(entry(ROOT, shown, format_args!("{dev} {ino}")))
}

/// Capabilities, seccomp and no_new_privs.
pub(super) fn powers(process: &Process, status: &Status, maps: &[IdMap]) -> [Entry; 3] {
    let held = status.capabilities;
    // The same capability over another user namespace is another privilege.
    let over = process.namespace(Namespace::User).map_or(0, |id| id.ino);
    let over_own = if is_identity(maps) { "" } else { ", over its user namespace" };
    let most = caps(held.bounding.count_ones());
    let shown = match held.effective.count_ones() {
        0 => format!("none, at most {most}{over_own}"),
        some => format!("{} held, at most {most}{over_own}", caps(some)),
    };
    let compared = format!("{:016x} {:016x} {over}", held.effective, held.bounding);
    let seccomp = match status.seccomp {
        0 => "off",
        1 => "strict",
        _ => "filter",
    };
    let privileges = if status.no_new_privs { "set" } else { "not set" };
    [
        entry("capabilities", shown, compared),
        entry("seccomp", seccomp, status.seccomp),
        entry("no_new_privs", privileges, status.no_new_privs),
    ]
}

/// Whether each number here is the same number outside.
pub(super) fn is_identity(maps: &[IdMap]) -> bool {
    matches!(maps, [all] if all.length == u32::MAX && all.inside == all.outside)
}

pub(super) fn uid_map(maps: &[IdMap]) -> Entry {
    let compared = format!("{maps:?}");
    let line = |map: &IdMap| {
        let last = |first: u32| first.saturating_add(map.length.saturating_sub(1));
        let (inside, outside) = (map.inside, map.outside);
        match map.length {
            1 => format!("{inside} is {}", name(outside)),
            _ => format!("{inside}-{} are {}-{}", last(inside), name(outside), name(last(outside))),
        }
    };
    let shown = match maps {
        [] => "nobody mapped".to_string(),
        some if is_identity(some) => "identity".to_string(),
        some => some.iter().map(line).collect::<Vec<_>>().join(", "),
    };
    entry("uid map", shown, compared)
}

/// The interfaces that the process sees. Those of two namespaces can have the same names: what tells them apart is the
/// namespace.
pub(super) fn network(process: &Process) -> Result<Entry> {
    let namespace = process.namespace(Namespace::Network)?.ino;
    Ok(entry(NETWORK, name(links(&process.read("net/dev")?)).to_string(), namespace))
}

/// The names of `/proc/PID/net/dev`, in order; of many only the first.
fn links(dev: &str) -> String {
    let mut links: Vec<&str> =
        dev.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim())).collect();
    links.sort_unstable();
    match links.len() {
        0..=LINKS_SHOWN => links.join(" "),
        all => format!("{} and {} more", links[..LINKS_SHOWN].join(" "), all - LINKS_SHOWN),
    }
}

/// PID 1 of the process's PID namespace, by command name. When it is the process itself, its name tells nothing: before
/// `execve` it is still its parent's.
pub(super) fn init(process: &Process, status: &Status) -> Result<Entry> {
    let namespace = process.namespace(Namespace::Pid)?.ino;
    let ours = Process::this().namespace(Namespace::Pid).is_ok_and(|id| id.ino == namespace);
    let shown = match status.nspid.last() {
        Some(1) => "the process itself".to_string(),
        _ if ours => shown_init(Process::of(Pid::from_raw(1)).status().ok()),
        _ => shown_init(init_of(namespace)),
    };
    Ok(entry(INIT, shown, namespace))
}

fn shown_init(init: Option<Status>) -> String {
    init.map_or("not visible".to_string(), |init| name(init.name).to_string())
}

/// Finds PID 1 of a PID namespace among the processes in `/proc`.
fn init_of(namespace: u64) -> Option<Status> {
    let in_it =
        |process: &Process| process.namespace(Namespace::Pid).is_ok_and(|id| id.ino == namespace);
    let processes = proc::all().ok()?.into_iter().map(Process::of).filter(in_it);
    processes.filter_map(|process| process.status().ok()).find(|s| s.nspid.last() == Some(&1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(inside: u32, outside: u32, length: u32) -> IdMap {
        IdMap { inside, outside, length }
    }

    #[test]
    fn a_uid_map_in_words() {
        let shown = |maps: &[IdMap]| uid_map(maps).shown.text;
        assert_eq!(shown(&[]), "nobody mapped");
        assert_eq!(shown(&[map(0, 0, u32::MAX)]), "identity");
        assert_eq!(shown(&[map(0, 1000, 1)]), "0 is 1000");
        assert_eq!(
            shown(&[map(0, 1000, 1), map(1, 100_000, 65536)]),
            "0 is 1000, 1-65536 are 100000-165535"
        );
        assert_eq!(shown(&[map(5, u32::MAX, 9)]), "5-13 are 4294967295-4294967295");
    }

    #[test]
    fn links_are_sorted_and_many_are_counted() {
        let dev = |names: &[&str]| {
            let lines = names.iter().map(|name| format!("{name:>6}: 0 0\n"));
            format!("Inter-|\n face |bytes\n{}", lines.collect::<String>())
        };
        assert_eq!(links(&dev(&["lo", "eth0"])), "eth0 lo");
        assert_eq!(links(&dev(&["f", "e", "d", "c", "b", "a"])), "a b c d and 2 more");
        assert_eq!(links(""), "");
    }

    #[test]
    fn capabilities_over_a_user_namespace_say_so() {
        let mut status = Status::default();
        status.capabilities.effective = 0b111;
        status.capabilities.bounding = 0b1111;
        let shown = |maps: &[IdMap]| powers(&Process::this(), &status, maps)[0].shown.text.clone();
        assert_eq!(shown(&[map(0, 0, u32::MAX)]), "3 held, at most 4");
        assert_eq!(shown(&[map(0, 1000, 1)]), "3 held, at most 4, over its user namespace");
    }
}
