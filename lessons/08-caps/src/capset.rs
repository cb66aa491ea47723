//! Capabilities by name, and sets of them.

use std::fmt::{self, Display};
use std::fs;
use std::str::FromStr;

use ground::call::quietly;
use ground::error::Kind;
use ground::{Error, Result};

/// By number, from `linux/capability.h`. A newer kernel may have more: [`last`] asks it.
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// A number of the kernel's, such as 21 for CAP_SYS_ADMIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capability(pub u8);

/// Named by `capabilities(7)`.
#[allow(missing_docs)]
impl Capability {
    pub const SETPCAP: Capability = Capability(8);
    pub const NET_BIND_SERVICE: Capability = Capability(10);
    pub const NET_ADMIN: Capability = Capability(12);
    pub const SYS_CHROOT: Capability = Capability(18);
    pub const SYS_ADMIN: Capability = Capability(21);
    pub const MKNOD: Capability = Capability(27);
}

impl Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.get(usize::from(self.0)) {
            Some(name) => write!(f, "CAP_{name}"),
            None => write!(f, "CAP_{}", self.0),
        }
    }
}

impl FromStr for Capability {
    type Err = Error;

    /// As Docker takes it: with or without `CAP_`, in any case.
    fn from_str(word: &str) -> Result<Capability> {
        let upper = word.to_ascii_uppercase();
        let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
        match NAMES.iter().position(|name| *name == bare) {
            Some(number) => Ok(Capability(number as u8)),
            None => Err(Error::usage(format!("no capability {word:?}"))
                .remedy("capabilities(7) lists them; ALL stands for every one")),
        }
    }
}

/// A set; bit n is capability n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CapSet(pub u64);

// ANCHOR: default-set
impl CapSet {
    /// What Docker and containerd leave to the root of a container: 14. The list is older than user namespaces; nobody
    /// needs all of it, and each was kept because some image does.
    pub const DEFAULT: CapSet = CapSet(0x0000_0000_a804_25fb);
    /// Nothing.
    pub const NONE: CapSet = CapSet(0);
    // ANCHOR_END: default-set

    /// Every capability that the running kernel knows.
    pub fn all() -> Result<CapSet> {
        Ok(CapSet(u64::MAX >> (63 - last()?)))
    }

    /// What this process can hand on: its bounding set.
    pub fn available() -> Result<CapSet> {
        let status = ground::proc::Process::this().status()?;
        Ok(CapSet(status.capabilities.bounding))
    }

    /// Whether it has that one.
    pub fn has(self, capability: Capability) -> bool {
        self.0 >> capability.0 & 1 == 1
    }

    /// With that one.
    pub fn with(self, capability: Capability) -> CapSet {
        CapSet(self.0 | 1 << capability.0)
    }

    /// Without that one.
    pub fn without(self, capability: Capability) -> CapSet {
        CapSet(self.0 & !(1 << capability.0))
    }

    /// Those that are in both.
    pub fn and(self, other: CapSet) -> CapSet {
        CapSet(self.0 & other.0)
    }

    /// Those of this that are not in the other.
    pub fn minus(self, other: CapSet) -> CapSet {
        CapSet(self.0 & !other.0)
    }

    /// In order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        (0..64).map(Capability).filter(move |capability| self.has(*capability))
    }
}

impl FromIterator<Capability> for CapSet {
    fn from_iter<I: IntoIterator<Item = Capability>>(all: I) -> CapSet {
        all.into_iter().fold(CapSet::NONE, CapSet::with)
    }
}

/// As in `/proc/PID/status`.
impl Display for CapSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The highest number that this kernel has: `/proc/sys/kernel/cap_last_cap`.
pub fn last() -> Result<u8> {
    let file = "/proc/sys/kernel/cap_last_cap";
    let text = quietly(format_args!("read {file}")).run(|| fs::read_to_string(file))?;
    let strange = || Error::new(Kind::Environment, format!("{file}: {:?}", text.trim()));
    text.trim().parse().ok().filter(|last| *last < 64).ok_or_else(strange)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_set_has_fourteen() {
        assert_eq!(CapSet::DEFAULT.iter().count(), 14);
        let names: Vec<_> = CapSet::DEFAULT.iter().map(|one| one.to_string()).collect();
        assert_eq!(
            names.join(" "),
            "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID CAP_SETUID CAP_SETPCAP \
             CAP_NET_BIND_SERVICE CAP_NET_RAW CAP_SYS_CHROOT CAP_MKNOD CAP_AUDIT_WRITE CAP_SETFCAP"
        );
    }

    /// A line of the drawing is what is left in the box, and the next one the number and the name.
    #[test]
    fn the_drawing_of_the_book_has_these_names_and_this_set() {
        let drawing = include_str!("../../../book/src/images/powers.svg");
        let lines: Vec<_> = drawing.lines().collect();
        for (number, name) in NAMES.iter().enumerate() {
            let text = format!(">{number} {name}<");
            let at = lines.iter().position(|line| line.contains(&text)).expect(name);
            let kept = CapSet::DEFAULT.has(Capability(number as u8));
            let class = if kept { "on-box" } else { "open" };
            assert!(lines[at - 1].contains(class), "{name}");
        }
    }

    #[test]
    fn names_are_taken_as_docker_takes_them() {
        for word in ["CAP_SYS_ADMIN", "SYS_ADMIN", "sys_admin", "cap_sys_admin"] {
            assert_eq!(word.parse::<Capability>().unwrap(), Capability::SYS_ADMIN);
        }
        assert!("SYS_EVERYTHING".parse::<Capability>().is_err());
        assert!("".parse::<Capability>().is_err());
    }

    #[test]
    fn every_name_is_read_back() {
        for number in 0..NAMES.len() as u8 {
            let name = Capability(number).to_string();
            assert_eq!(name.parse::<Capability>().unwrap(), Capability(number));
        }
    }
}
