//! A picture of the host, for the test that nothing was left: taken before and after, and compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::{PREFIX, disk, forwarding, owner, state_base, sweep};
use crate::error::Result;
use crate::netlink;
use crate::proc::{self, Process};

/// Category (mounts, cgroups, links, …) to sorted entries.
pub type Picture = BTreeMap<String, Vec<String>>;

/// How much of the host is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Only what carries the kit's prefix and this user's number: holds on a host where others are at work.
    Ours,
    /// Everything: for a machine that does nothing else.
    Whole,
}

/// Takes the picture.
pub fn take(scope: Scope) -> Result<Picture> {
    let mut picture = Picture::new();
    let mut add = |category: &str, mut entries: Vec<String>| {
        if scope == Scope::Ours {
            entries.retain(|entry| is_ours(entry));
        }
        entries.sort();
        picture.insert(category.to_string(), entries);
    };
    add("mounts", mounts()?);
    add("cgroups", cgroups()?);
    add("links", links());
    add(
        "addresses",
        lines_of("/proc/net/if_inet6").chain(lines_of("/proc/net/fib_trie")).collect(),
    );
    add(
        "routes",
        lines_of("/proc/net/route").chain(lines_of("/proc/net/ipv6_route")).map(route).collect(),
    );
    add("loop devices", disk::files());
    add("nft rules", nft_rules());
    add("named namespaces", names_in("/run/netns"));
    add("state", state());
    add("processes", processes()?);
    if scope == Scope::Whole {
        add("namespaces", namespaces()?);
        add("sysctls", sysctls());
    }
    Ok(picture)
}

/// What differs: `+ category: entry` for what came, `- category: entry` for what went.
pub fn difference(before: &Picture, after: &Picture) -> Vec<String> {
    let mut out = Vec::new();
    let empty = Vec::new();
    for category in before.keys().chain(after.keys().filter(|key| !before.contains_key(*key))) {
        let (was, is) =
            (before.get(category).unwrap_or(&empty), after.get(category).unwrap_or(&empty));
        out.extend(surplus(is, was).map(|entry| format!("+ {category}: {entry}")));
        out.extend(surplus(was, is).map(|entry| format!("- {category}: {entry}")));
    }
    out
}

/// Entries of `a` beyond their number in `b`.
fn surplus<'a>(a: &'a [String], b: &'a [String]) -> impl Iterator<Item = &'a String> {
    let mut left = BTreeMap::new();
    b.iter().for_each(|entry| *left.entry(entry).or_insert(0) += 1);
    a.iter().filter(move |entry| match left.get_mut(entry) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    })
}

/// Root's own prefix is `bxw-0`, which is also the beginning of `bxw-0123`: the number must end.
fn is_ours(entry: &str) -> bool {
    let tag = format!("{PREFIX}-{}", owner());
    entry.match_indices(&tag).any(|(at, _)| {
        !entry[at + tag.len()..].starts_with(|following: char| following.is_ascii_digit())
    })
}

fn mounts() -> Result<Vec<String>> {
    let mounts = Process::this().mounts()?;
    let line = |m: &crate::proc::mountinfo::Mount| {
        format!("{} {} {} {}", m.point.display(), m.kind, m.source, m.propagation_word())
    };
    Ok(mounts.iter().map(line).collect())
}

/// Every group in every hierarchy.
fn cgroups() -> Result<Vec<String>> {
    let mounts = Process::this().mounts()?;
    let mut found = Vec::new();
    for mount in mounts.iter().filter(|m| m.kind == "cgroup" || m.kind == "cgroup2") {
        directories_below(&mount.point, &mut found);
    }
    Ok(found)
}

fn directories_below(dir: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.push(entry.path().display().to_string());
            directories_below(&entry.path(), found);
        }
    }
}

fn names_in(dir: &str) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Whose link it is stands in its alias: a name has no room for that.
fn links() -> Vec<String> {
    let links = netlink::links().unwrap_or_default().into_iter();
    links.map(|(name, alias)| format!("{name} {}", alias.unwrap_or_default())).collect()
}

/// What runs left in the state directory, and beside it; the cached root file systems are meant to stay.
fn state() -> Vec<String> {
    let base = state_base().display().to_string();
    let common = names_in(&base).into_iter();
    let common = common.filter(|name| name.starts_with(&format!("{PREFIX}-{}", forwarding::WORD)));
    let own = format!("{PREFIX}-{}", owner());
    let names = names_in(&format!("{base}/{own}")).into_iter().filter(|name| name != "rootfs");
    let names = names.map(|name| format!("{own}/{name}"));
    names.chain(common).map(|name| format!("{base}/{name}")).collect()
}

fn lines_of(file: &str) -> impl Iterator<Item = String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().map(str::to_string).collect::<Vec<_>>().into_iter()
}

/// A route without the counters that change as it is used: the IPv6 table's reference and use count.
fn route(line: String) -> String {
    let fields: Vec<&str> = line.split_whitespace().collect();
    match fields.len() {
        10 => [&fields[..6], &fields[8..]].concat().join(" "),
        _ => line,
    }
}

fn nft_rules() -> Vec<String> {
    let output = Command::new("nft").args(["-s", "list", "ruleset"]).output();
    let text = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
    text.lines().map(|line| line.trim().to_string()).collect()
}

/// Processes of boxes, by the environment that every box gets.
fn processes() -> Result<Vec<String>> {
    let tag = format!("container={PREFIX}-{}-", owner());
    let pids = sweep::boxed(|entry| entry.starts_with(tag.as_bytes()))?;
    Ok(pids.iter().map(|pid| format!("{tag} process {pid}")).collect())
}

/// Every namespace that some process is in.
fn namespaces() -> Result<Vec<String>> {
    let mut found = std::collections::BTreeSet::new();
    for process in proc::all()?.into_iter().map(Process::of) {
        for kind in proc::ns::Namespace::ALL {
            let identity = process.namespace(kind).ok();
            found.extend(identity.map(|identity| format!("{}:[{}]", kind.file(), identity.ino)));
        }
    }
    Ok(found.into_iter().collect())
}

/// The settings of the whole host that a container runtime could be tempted to change.
fn sysctls() -> Vec<String> {
    let watched = [
        "kernel/hostname",
        "kernel/domainname",
        "kernel/core_pattern",
        "kernel/pid_max",
        "kernel/threads-max",
        "kernel/unprivileged_userns_clone",
        "user/max_user_namespaces",
        "vm/overcommit_memory",
        "vm/swappiness",
        "vm/dirty_ratio",
        "net/ipv4/ip_forward",
        "net/ipv4/conf/all/forwarding",
        "net/ipv4/conf/all/route_localnet",
        "net/ipv4/conf/all/rp_filter",
        "net/ipv4/ip_unprivileged_port_start",
        "net/ipv4/ping_group_range",
        "net/ipv6/conf/all/forwarding",
        "net/ipv6/conf/all/disable_ipv6",
    ];
    let value = |name: &&str| fs::read_to_string(format!("/proc/sys/{name}")).ok();
    watched.iter().filter_map(|name| Some(format!("{name} = {}", value(name)?.trim()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn difference_counts_equal_entries() {
        let one = Picture::from([("mounts".into(), vec!["/a tmpfs".into()])]);
        let two = Picture::from([("mounts".into(), vec!["/a tmpfs".into(), "/a tmpfs".into()])]);
        assert_eq!(difference(&one, &two), ["+ mounts: /a tmpfs"]);
        assert_eq!(difference(&two, &one), ["- mounts: /a tmpfs"]);
        assert!(difference(&two, &two).is_empty());
    }
}
