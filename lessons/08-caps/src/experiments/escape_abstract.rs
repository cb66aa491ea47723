//! A socket whose name is in no file system.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use ground::Result;
use ground::call::quietly;
use ground::lesson::{Experiment, Findings, Level, run_name};
use ground::needs::Need;
use veth::NetworkNamespace;

use crate::attack::{self, Escape, Outcome, Protection, boxed, twice};
use crate::stage::protected;

pub const EXPERIMENT: Experiment = Experiment {
    name: "escape-abstract-socket",
    title: "an abstract socket of the host is reached from every box that has the host's network",
    level: Level::Deep,
    claims: &["C238"],
    needs: &[Need::Admin, Need::Clone3, Need::NetworkNamespaces],
    run,
};

pub const ESCAPE: Escape = Escape {
    name: "abstract socket of a daemon",
    known: "CVE-2020-15257",
    open: "a box with the host's network",
    closed: "a network namespace",
    needs: &[Need::NetworkNamespaces],
    attempt,
};

fn run(findings: &mut Findings) -> Result<()> {
    twice(&ESCAPE, findings).map(drop)
}

/// The "daemon" is this lesson: it listens, and would answer whoever is root, as containerd-shim did.
fn attempt(protection: Protection) -> Result<Outcome> {
    let name = format!("{}-daemon", run_name());
    let address = quietly("name a socket").run(|| SocketAddr::from_abstract_name(&name))?;
    let daemon = quietly("listen").run(|| UnixListener::bind_addr(&address))?;
    let container = boxed(&["abstract-connect", &name])?;
    let container = match protection {
        Protection::Off => container,
        Protection::On => protected(container)?.with(NetworkNamespace),
    };
    let text = attack::run(container)?;
    drop(daemon);
    let connected = text.contains("connected @");
    Ok(Outcome::of(&text, connected.then_some("spoke to a daemon of the host")))
}
