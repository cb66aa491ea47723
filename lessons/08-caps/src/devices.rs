//! Which devices the box may make and open.

use std::cell::OnceCell;
use std::fmt::{self, Display};
use std::fs::File;
use std::os::fd::AsFd;
use std::str::FromStr;

use cgroup_cpu::{Group, write, write_each};
use clone_pid::{Birth, Part};
use ground::call::{doing, quietly};
use ground::cgroup::{self, Controller, Place, Version};
use ground::needs::Need;
use ground::text::path;
use ground::{Error, Result};
use nix::errno::Errno;

use crate::beyond::device_program;
use crate::sys;

/// Character or block devices of some number, and what may be done with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `a` both, `c` character, `b` block.
    pub kind: char,
    /// Any, when left out.
    pub major: Option<u32>,
    /// Any, when left out.
    pub minor: Option<u32>,
    /// Open to read.
    pub read: bool,
    /// Open to write.
    pub write: bool,
    /// Make a node.
    pub mknod: bool,
}

/// As `devices.allow` has it, and Docker's `--device-cgroup-rule`: `c 1:3 rwm`.
impl Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |n: Option<u32>| n.map_or("*".to_string(), |n| n.to_string());
        write!(f, "{} {}:{} ", self.kind, number(self.major), number(self.minor))?;
        let all = [(self.read, 'r'), (self.write, 'w'), (self.mknod, 'm')];
        all.iter().filter(|(on, _)| *on).try_for_each(|(_, letter)| write!(f, "{letter}"))
    }
}

impl FromStr for Rule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Rule> {
        let wrong = || {
            Error::usage(
                "not of the form c 1:3 rwm: a, b or c, numbers or *, and of r, w, m what is allowed",
            )
        };
        let words: Vec<_> = text.split(' ').collect();
        let [kind @ ("a" | "b" | "c"), numbers, access] = words[..] else { return Err(wrong()) };
        let (major, minor) = numbers.split_once(':').ok_or_else(wrong)?;
        let number = |word: &str| match word {
            "*" => Ok(None),
            digits => digits.parse().map(Some).map_err(|_| wrong()),
        };
        let (major, minor) = (number(major)?, number(minor)?);
        let [read, write, mknod] = access_of(access).ok_or_else(wrong)?;
        Ok(Rule { kind: kind.chars().next().unwrap_or('a'), major, minor, read, write, mknod })
    }
}

pub(crate) fn access_of(word: &str) -> Option<[bool; 3]> {
    let known = !word.is_empty() && word.chars().all(|letter| "rwm".contains(letter));
    known.then(|| ['r', 'w', 'm'].map(|letter| word.contains(letter)))
}

/// Of every box: to make any node, which is not to open it; and what the box's `/dev` has.
const USUAL: [&str; 10] = [
    "c *:* m",
    "b *:* m",
    "c 1:3 rwm",
    "c 1:5 rwm",
    "c 1:7 rwm",
    "c 1:8 rwm",
    "c 1:9 rwm",
    "c 5:0 rwm",
    "c 5:2 rwm",
    "c 136:* rwm",
];

// ANCHOR: devices
/// A device is reached by its number. Whoever may make a node for it, in any directory, and open that, has the device,
/// and CAP_MKNOD is in the default set. What stands against that is a list of numbers in the box's cgroup: the kernel
/// asks it whenever a node is made or opened. See the kernel's
/// [device whitelist controller](https://docs.kernel.org/admin-guide/cgroup-v1/devices.html).
#[derive(Clone, Debug, Default)]
pub struct Devices {
    group: Group,
    more: Vec<Rule>,
    everything: bool,
    needed: OnceCell<bool>,
}

impl Devices {
    /// In this group, and not that of the run.
    pub fn of(self, group: &Group) -> Devices {
        Devices { group: group.clone(), ..self }
    }

    /// These as well.
    pub fn with(self, more: Vec<Rule>) -> Devices {
        Devices { more, ..self }
    }

    /// Every device of the machine: `--privileged`.
    pub fn everything(self) -> Devices {
        Devices { everything: true, ..self }
    }

    /// The list.
    pub fn rules(&self) -> Vec<Rule> {
        let usual = USUAL.iter().filter_map(|text| text.parse().ok());
        usual.chain(self.more.iter().copied()).collect()
    }

    /// In a user namespace no node can be made, and only those are there that were bound: there is nothing to bound, and
    /// nobody who may.
    fn is_needed(&self) -> bool {
        *self.needed.get_or_init(|| {
            let (whole, more) = (Need::InitialRoot.is_met(), !self.more.is_empty());
            whole && !self.everything && (more || cgroup::parent(Controller::DEVICES).is_ok())
        })
    }

    /// v1 keeps a list: first everything is taken from it.
    fn list(&self, place: &Place) -> Result<()> {
        const WRONG: (Errno, &str) = (
            Errno::EPERM,
            "the group around this one does not allow it, or CAP_SYS_ADMIN is missing",
        );
        write(place, "devices.deny", "a", WRONG)?;
        write_each(place, "devices.allow", self.rules(), WRONG)
    }

    /// v2 asks a program, which is attached to the group and ends with it.
    fn attach_program(&self, place: &Place) -> Result<()> {
        let program = device_program::assemble(&self.rules());
        let loaded = quietly(format_args!("bpf BPF_PROG_LOAD, {} instructions", program.len()))
            .hint(Errno::EPERM, "this needs CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN")
            .run(|| sys::bpf::load_device_program(&program))?;
        let group = quietly("open the group").run(|| File::open(&place.dir))?;
        doing(format_args!(
            "bpf BPF_PROG_ATTACH, {} instructions, to {}",
            program.len(),
            path(place.dir.display())
        ))
        .like_args(format_args!(
            "bpftool cgroup attach {} cgroup_device …",
            path(place.dir.display())
        ))
        .run(|| sys::bpf::attach_device_program(group.as_fd(), loaded.as_fd()))
    }
}

impl Part for Devices {
    fn prepare(&mut self) -> Result<()> {
        if !self.is_needed() {
            return Ok(());
        }
        let place = self.group.make(Controller::DEVICES)?;
        match place.version {
            Version::V1 => self.list(&place),
            Version::V2 => self.attach_program(&place),
        }
    }

    fn cgroups(&self) -> Result<Vec<Birth>> {
        if self.is_needed() { self.group.births(Controller::DEVICES) } else { Ok(Vec::new()) }
    }

    fn release(&mut self) -> Result<()> {
        if self.is_needed() { self.group.remove(Controller::DEVICES) } else { Ok(()) }
    }
}
// ANCHOR_END: devices

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_back_as_they_are_written() {
        for text in USUAL.iter().chain(&["a *:* rwm", "b 8:* r", "c 10:200 rw"]) {
            assert_eq!(text.parse::<Rule>().unwrap().to_string(), *text);
        }
        let wrong =
            ["", "c", "c 1:3", "d 1:3 r", "c 1 r", "c 1:3 x", "c 1:3 ", "c 1:3 r w", "c -1:3 r"];
        assert!(wrong.iter().all(|text| text.parse::<Rule>().is_err()));
    }
}
