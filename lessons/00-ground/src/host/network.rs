//! What boxes of this user share in a network namespace: a bridge, its addresses, its table of nf_tables. It outlives the
//! box that made it, so it is written down, in one file for each namespace; and every share belongs to a run, whose lock
//! says whether it lives. A dead run's address is free again, whoever looks next.
//!
//! The lock of the state directory is held from reading to writing. The file is written beside and renamed: at every
//! moment it is the old one or the new one.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::mount::{MntFlags, umount2};
use nix::sched::{CloneFlags, setns};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::{PREFIX, forwarding, owner, state_dir, sweep};
use crate::call::{IntoErrno, quietly};
use crate::error::{Error, Kind, Result};
use crate::{netlink, proc, sys};

/// Beginning of the names of the files.
pub(super) const FILE: &str = "network-";
const OWN: &str = "/proc/self/ns/net";

/// Name of the bridge and of its table, `bxw-UID`: one for each user in each network namespace.
pub fn shared_name() -> String {
    format!("{PREFIX}-{}", owner())
}

/// What is written down for one network namespace.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// The networks of the bridge, as `10.77.0.0/24`; none when there is no bridge.
    pub subnets: Vec<String>,
    /// Who has which address.
    pub leases: Vec<Lease>,
}

/// The addresses of one box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The run it belongs to: `bxw-UID-run-PID`.
    pub run: String,
    /// The box's end of the cable on the host.
    pub link: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// The state of a network namespace, locked until dropped.
#[derive(Debug)]
pub struct Shared {
    /// What is written down.
    pub state: State,
    file: PathBuf,
    _lock: Flock<File>,
}

impl Shared {
    /// That of the network namespace that this process is in, without the leases of dead runs. Waits for others.
    pub fn lock() -> Result<Shared> {
        let lock = lock_state()?;
        Shared::read(state_dir()?.join(format!("{FILE}{}", here()?)), lock)
    }

    fn read(file: PathBuf, lock: Flock<File>) -> Result<Shared> {
        let state = match fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| {
                let what = format!("read {}: {e}", file.display());
                Error::new(Kind::Failed, what).remedy("cargo xtask clean")
            })?,
            Err(e) if e.kind() == ErrorKind::NotFound => State::default(),
            Err(e) => {
                return Err(Error::os(format_args!("read {}", file.display()), e.into_errno()));
            }
        };
        let mut shared = Shared { state, file, _lock: lock };
        shared.state.leases.retain(|lease| is_alive(&lease.run));
        Ok(shared)
    }

    /// Writes it down; without anything in it the file goes.
    pub fn save(&self) -> Result<()> {
        let State { subnets, leases } = &self.state;
        let shown = self.file.display();
        if subnets.is_empty() && leases.is_empty() {
            return quietly(format_args!("remove {shown}"))
                .run(|| gone(fs::remove_file(&self.file)));
        }
        let beside = self.file.with_extension("new");
        let text = serde_json::to_vec(&self.state).unwrap_or_default();
        quietly(format_args!("write {}", beside.display())).run(|| fs::write(&beside, text))?;
        quietly(format_args!("rename {} to {shown}", beside.display()))
            .run(|| fs::rename(&beside, &self.file))
    }

    /// Removes what is shared, in the namespace that this process is in, and forwarding unless another user needs that.
    pub fn take_down(&mut self) -> Result<()> {
        let name = shared_name();
        if !self.state.subnets.is_empty() {
            delete(&format!("nft delete table inet {name}"), || netlink::delete_table(&name))?;
            delete(&format!("ip link del {name}"), || netlink::delete_link(&name))?;
        }
        forwarding::put_back()?;
        self.state.subnets.clear();
        self.save()
    }
}

/// The name of the network namespace that this process is in: its inode's number, which the next namespace may get when this
/// one has ended, and its cookie, which none ever gets again. See socket(7), `SO_NETNS_COOKIE`, Linux 5.14.
pub(super) fn here() -> Result<String> {
    let inode = quietly(format_args!("stat {OWN}")).run(|| fs::metadata(OWN))?.ino();
    let cookie = quietly("getsockopt SO_NETNS_COOKIE").run(|| match sys::namespace_cookie() {
        Err(Errno::ENOPROTOOPT) => Ok(0),
        other => other,
    })?;
    Ok(format!("{inode}-{cookie}"))
}

/// The lock of the state directory. While a run of ours lives, or this guard, nobody removes it.
fn lock_state() -> Result<Flock<File>> {
    let dir = state_dir()?;
    let open = quietly(format_args!("open {}", dir.display())).run(|| File::open(&dir))?;
    Flock::lock(open, FlockArg::LockExclusive)
        .map_err(|(_, errno)| Error::os(format_args!("flock {}", dir.display()), errno))
}

/// Whether the run of this name, `bxw-UID-run-PID`, lives.
fn is_alive(run: &str) -> bool {
    let dir = run.strip_prefix(&format!("{}-", shared_name()));
    dir.is_some_and(|dir| state_dir().is_ok_and(|state| sweep::is_alive(&state.join(dir))))
}

/// The run that a name belongs to: `bxw-7-run-42-web` to `bxw-7-run-42`.
fn run_of(name: &str) -> Option<&str> {
    let tag = format!("{}-run-", shared_name());
    let digits = name.strip_prefix(&tag)?.bytes().take_while(u8::is_ascii_digit).count();
    name.get(..tag.len() + digits)
}

fn is_dead(name: &str) -> bool {
    run_of(name).is_some_and(|run| !is_alive(run))
}

/// Removes what dead runs have left in network namespaces that can be reached: cables, bridges, tables, leases, names.
pub(super) fn sweep(removed: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(state_dir()?).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(namespace) = name.strip_prefix(FILE) else { continue };
        let lock = lock_state()?;
        if name.ends_with(".new") {
            let _ = fs::remove_file(entry.path());
        } else if namespace.starts_with(forwarding::WORD) {
            continue;
        } else if let Some(shared) = Shared::read(entry.path(), lock)?.swept(namespace)? {
            removed.push(shared);
        }
    }
    settings(removed)?;
    links_and_tables(removed)?;
    names(removed)
}

impl Shared {
    /// Takes down what nobody shares any more. A namespace that has ended took everything with it.
    fn swept(mut self, namespace: &str) -> Result<Option<String>> {
        if !self.state.leases.is_empty() {
            return self.save().map(|()| None);
        }
        let what = Some(self.file.display().to_string());
        if within(namespace, || self.take_down())?.is_none() {
            self.state = State::default();
            self.save()?;
        }
        Ok(what)
    }
}

/// What was changed for boxes that are dead, whoever's they were.
fn settings(removed: &mut Vec<String>) -> Result<()> {
    let (dir, prefix) = forwarding::place()?;
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let (name, at) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        let Some(namespace) = name.strip_prefix(&prefix) else { continue };
        // Its lock goes again at once: nobody can share what nobody looks for.
        if forwarding::alone(&at)?.is_none() {
            continue;
        }
        if within(namespace, forwarding::put_back)?.is_none() {
            quietly(format_args!("remove {}", at.display())).run(|| gone(fs::remove_file(&at)))?;
        }
        removed.push(at.display().to_string());
    }
    Ok(())
}

/// Does something in the network namespace of this name; `None` when that has ended.
fn within<T>(name: &str, act: impl FnOnce() -> Result<T>) -> Result<Option<T>> {
    let Some(there) = way_to(name) else { return Ok(None) };
    let home = quietly(format_args!("open {OWN}")).run(|| File::open(OWN))?;
    join(&there)?;
    let outcome = match here() {
        Ok(found) if found == name => act().map(Some),
        // Another has its number by now.
        other => other.map(|_| None),
    };
    join(&home)?;
    outcome
}

/// A way into the network namespace of this name: by a process that is in it, this one first.
fn way_to(name: &str) -> Option<File> {
    let (inode, _) = name.split_once('-')?;
    let pids = proc::all().unwrap_or_default();
    let ways = pids.iter().map(|pid: &Pid| format!("/proc/{pid}/ns/net"));
    let mut ways = std::iter::once(OWN.to_string()).chain(ways);
    let is_it = |way: &String| fs::metadata(way).is_ok_and(|m| m.ino().to_string() == inode);
    File::open(ways.find(is_it)?).ok()
}

fn join(namespace: impl AsFd) -> Result<()> {
    quietly("setns CLONE_NEWNET").run(|| setns(namespace, CloneFlags::CLONE_NEWNET))
}

fn links_and_tables(removed: &mut Vec<String>) -> Result<()> {
    // Without the right to look there is nothing of ours either.
    for (name, alias) in netlink::links().unwrap_or_default() {
        if alias.is_some_and(|alias| is_dead(&alias)) {
            delete(&format!("ip link del {name}"), || netlink::delete_link(&name))?;
            removed.push(format!("link {name}"));
        }
    }
    for name in netlink::tables().unwrap_or_default().into_iter().filter(|name| is_dead(name)) {
        delete(&format!("nft delete table inet {name}"), || netlink::delete_table(&name))?;
        removed.push(format!("table inet {name}"));
    }
    Ok(())
}

/// Named network namespaces. An empty file is left when the mount was made where this process does not see it.
fn names(removed: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        if is_dead(&entry.file_name().to_string_lossy()) {
            let path = entry.path();
            remove_name(&path)?;
            removed.push(path.display().to_string());
        }
    }
    Ok(())
}

/// Takes the name of a network namespace away: `ip netns del`.
pub fn remove_name(path: &Path) -> Result<()> {
    let shown = path.display();
    quietly(format_args!("umount {shown}")).run(|| match umount2(path, MntFlags::MNT_DETACH) {
        Err(Errno::EINVAL | Errno::ENOENT) => Ok(()),
        other => other,
    })?;
    quietly(format_args!("remove {shown}")).run(|| gone(fs::remove_file(path)))
}

/// What is gone already is fine.
fn delete(what: &str, act: impl FnOnce() -> nix::Result<()>) -> Result<()> {
    quietly(what).run(|| match act() {
        Err(Errno::ENODEV | Errno::ENOENT) => Ok(()),
        other => other,
    })
}

pub(super) fn gone(outcome: std::io::Result<()>) -> nix::Result<()> {
    match outcome.map_err(IntoErrno::into_errno) {
        Err(Errno::ENOENT) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_run() {
        let shared = shared_name();
        let run = format!("{shared}-run-42");
        assert_eq!(run_of(&run), Some(&run[..]));
        assert_eq!(run_of(&format!("{run}-web")), Some(&run[..]));
        assert_eq!(run_of(&shared), None);
        assert_eq!(run_of("docker0"), None);
    }
}
