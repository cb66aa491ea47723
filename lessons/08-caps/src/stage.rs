//! What demo and experiments share: boxes with and without protection, and a look at what they may do.

use caps::flags::Flags;
use caps::{CapSet, Devices, Masks, Privileges, Seccomp};
use clap::Parser;
use clone_pid::beyond::{Report, probing};
use clone_pid::{Container, PidNamespace};
use ground::story::{box_evidence, muted};
use ground::text::caps as marked;
use ground::{Error, Result};
use veth::{Loopback, NetworkNamespace};

use crate::compose;

/// A box that runs a script of the probe, with what is given up.
pub fn boxed(script: &str, privileges: Privileges) -> Result<Container> {
    Ok(probing(script)?.with(PidNamespace).with(privileges))
}

/// The same, run to its end.
pub fn run(script: &str, privileges: Privileges) -> Result<Report> {
    muted(|| Report::of(boxed(script, privileges)?))
}

/// The same in a network namespace of its own: there a capability over the box is enough, also for an ordinary user's.
pub fn connected(script: &str, privileges: Privileges) -> Result<Report> {
    let network = probing(script)?.with(PidNamespace).with(NetworkNamespace).with(Loopback);
    muted(|| Report::of(network.with(privileges)))
}

/// All that this process may hand on: the power of the host's root.
pub fn everything() -> Result<Privileges> {
    Ok(Privileges::keep(CapSet::available()?))
}

/// What a box may do by default.
pub fn usual() -> Result<Privileges> {
    let set = CapSet::DEFAULT.and(CapSet::available()?);
    Ok(Privileges::keep(set).seccomp(Seccomp::default_profile(set)?))
}

/// Everything that protects the host from a box by default. List it after what furnishes the box.
pub fn protected(container: Container) -> Result<Container> {
    Ok(container.with(Devices::default()).with(Masks::default()).with(usual()?))
}

/// The flags of a command line. No cable is plugged into the host's network for these.
pub fn flags(words: &[&str]) -> Result<Flags> {
    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: Flags,
    }
    let unplugged: &[&str] =
        if words.contains(&"--network") { &[] } else { &["--network", "none"] };
    let line = Line::try_parse_from(["run"].iter().chain(unplugged).chain(words));
    Ok(line.map_err(Error::usage)?.flags)
}

/// Runs the probe in the box that these flags describe: the whole of it, as `run` would make it.
pub fn run_line(words: &[&str], script: &str) -> Result<Report> {
    let command = ["/bin/probe", "script", script].map(Into::into);
    muted(|| Report::of(compose(&flags(words)?, &command)?.capture()?))
}

/// A capability set that the probe printed.
pub fn set(report: &Report, key: &str) -> Result<CapSet> {
    Ok(CapSet(u64::from_str_radix(report.get(key)?, 16).unwrap_or(0)))
}

/// Tells a set that the probe read in its own status; one that depends on the machine is marked.
pub fn tell_set(report: &Report, key: &str, who: &str) -> Result<CapSet> {
    let found = set(report, key)?;
    let source = format!("/proc/self/status of {who}, {key}");
    let count = found.iter().count();
    match found.minus(CapSet::DEFAULT) == CapSet::NONE {
        true => box_evidence(source, format!("{found}, {count} in it")),
        false => box_evidence(source, format!("{}, {} in it", marked(found), marked(count))),
    }
    Ok(found)
}

/// Tells what the probe printed about a question.
pub fn tell(report: &Report, key: &str, who: &str) -> Result<String> {
    let found = report.get(key)?.to_string();
    box_evidence(format!("{who}: {key}"), &found);
    Ok(found)
}
