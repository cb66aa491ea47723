//! The eight kinds of namespace, see namespaces(7).

use nix::sched::CloneFlags;

/// A kind of namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // each has a man page of its own: pid_namespaces(7) …
pub enum Namespace {
    Mount,
    Pid,
    Uts,
    Ipc,
    Network,
    User,
    Cgroup,
    Time,
}

/// `CLONE_NEWTIME`, which nix does not name. Its bit is part of the exit signal in clone(2): only unshare(2), setns(2)
/// and clone3(2) take it.
pub const CLONE_NEWTIME: CloneFlags = CloneFlags::from_bits_retain(0x80);

impl Namespace {
    /// All eight.
    pub const ALL: [Namespace; 8] = [
        Namespace::Mount,
        Namespace::Pid,
        Namespace::Uts,
        Namespace::Ipc,
        Namespace::Network,
        Namespace::User,
        Namespace::Cgroup,
        Namespace::Time,
    ];

    /// Its file in `/proc/PID/ns`.
    pub fn file(self) -> &'static str {
        match self {
            Namespace::Mount => "mnt",
            Namespace::Pid => "pid",
            Namespace::Uts => "uts",
            Namespace::Ipc => "ipc",
            Namespace::Network => "net",
            Namespace::User => "user",
            Namespace::Cgroup => "cgroup",
            Namespace::Time => "time",
        }
    }

    /// Its name in a sentence.
    pub fn word(self) -> &'static str {
        match self {
            Namespace::Mount => "mount",
            Namespace::Network => "network",
            other => other.file(),
        }
    }

    /// Its long option in unshare(1) and nsenter(1).
    pub fn long_option(self) -> &'static str {
        match self {
            Namespace::Network => "net",
            other => other.word(),
        }
    }

    /// Its flag for clone3(2), unshare(2) and setns(2).
    pub fn flag(self) -> CloneFlags {
        match self {
            Namespace::Mount => CloneFlags::CLONE_NEWNS,
            Namespace::Pid => CloneFlags::CLONE_NEWPID,
            Namespace::Uts => CloneFlags::CLONE_NEWUTS,
            Namespace::Ipc => CloneFlags::CLONE_NEWIPC,
            Namespace::Network => CloneFlags::CLONE_NEWNET,
            Namespace::User => CloneFlags::CLONE_NEWUSER,
            Namespace::Cgroup => CloneFlags::CLONE_NEWCGROUP,
            Namespace::Time => CLONE_NEWTIME,
        }
    }

    /// Its flag as clone(2) spells it.
    pub fn flag_name(self) -> &'static str {
        match self {
            Namespace::Mount => "CLONE_NEWNS",
            Namespace::Pid => "CLONE_NEWPID",
            Namespace::Uts => "CLONE_NEWUTS",
            Namespace::Ipc => "CLONE_NEWIPC",
            Namespace::Network => "CLONE_NEWNET",
            Namespace::User => "CLONE_NEWUSER",
            Namespace::Cgroup => "CLONE_NEWCGROUP",
            Namespace::Time => "CLONE_NEWTIME",
        }
    }
}

/// The namespace flags among `flags`, spelled out.
pub fn flag_names(flags: CloneFlags) -> String {
    let kinds = Namespace::ALL.iter().filter(|kind| flags.contains(kind.flag()));
    kinds.map(|kind| kind.flag_name()).collect::<Vec<_>>().join("|")
}
