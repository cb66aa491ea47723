//! Kernel, distribution, what the machine is inside of, and the root mount.

use nix::sys::utsname::uname;

use super::distribution::Distribution;
use super::surroundings::{Clues, Kind};
use super::{Finding, Group, Status};
use crate::error::Result;
use crate::needs::kernel::read;
use crate::proc::Process;

const GROUP: Group = Group::Machine;

/// The findings of this module.
pub fn findings(distribution: &Distribution) -> Result<Vec<Finding>> {
    let words = Clues::read().words();
    let mut found = vec![kernel(distribution)];
    found.extend(words.into_iter().map(surrounding));
    found.push(root_mount()?);
    Ok(found)
}

fn kernel(distribution: &Distribution) -> Finding {
    let uts = uname().ok();
    let release = uts.as_ref().map_or("?".into(), |uts| uts.release().to_string_lossy());
    let machine = uts.as_ref().map_or("?".into(), |uts| uts.machine().to_string_lossy());
    let what = format!("Linux {release}, {machine}; {}", distribution.name);
    match version(&release) {
        Some(version) if version < (5, 12) => Finding::new(GROUP, "kernel", Status::Limited, what)
            .remedy("boot Linux 5.12 or newer: below are the features that this one lacks"),
        _ => Finding::new(GROUP, "kernel", Status::Info, what),
    }
}

/// `6.12.9-amd64` as (6, 12).
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

fn surrounding((kind, what): (Kind, String)) -> Finding {
    match kind {
        Kind::Machine => Finding::new(GROUP, "hardware", Status::Info, what),
        Kind::Wsl => Finding::new(GROUP, "wsl", Status::Info, what),
        Kind::Wsl1 => Finding::new(GROUP, "wsl", Status::Missing, what)
            .remedy("in Windows: wsl --set-version DISTRIBUTION 2"),
        Kind::Container => Finding::new(GROUP, "container", Status::Limited, what).remedy(
            "run on the host or in a virtual machine; else start the container with --privileged",
        ),
    }
}

/// systemd makes `/` shared at boot; what a lesson mounts must then be kept from propagating.
fn root_mount() -> Result<Finding> {
    let mounts = Process::this().mounts()?;
    // Of several at one place the last one is seen.
    let root = mounts.iter().rfind(|mount| mount.point.as_os_str() == "/");
    let word = root.map_or("not visible", |mount| mount.propagation_word());
    let meaning = match word {
        "private" => "mounts made here stay in this namespace",
        "shared" => "mounts propagate to new mount namespaces, as systemd sets it up",
        _ => "see mount_namespaces(7)",
    };
    let kind = root.map_or("", |mount| &mount.kind);
    let what = format!("/ is a {word} {kind} mount: {meaning}");
    Ok(Finding::new(GROUP, "root-mount", Status::Info, what).affects(&[2]))
}

/// Number of the last capability of this kernel.
pub fn last_capability() -> u32 {
    read("/proc/sys/kernel/cap_last_cap").trim().parse().unwrap_or(40)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("6.18.44-fc-v669"), Some((6, 18)));
        assert_eq!(version("5.9.0"), Some((5, 9)));
        assert!(version("5.9.0") < version("5.12.1"));
        assert_eq!(version("unknown"), None);
    }
}
