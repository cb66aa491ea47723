//! What an ordinary user's box cannot have: declared here once, for the experiment that tries each and the book that shows
//! it.
//!
//! All else works: namespaces, a root file system, `/proc`, `/sys` and `/dev`, volumes, capabilities over the box's own
//! namespaces, seccomp filters; and where the host has them subordinate IDs, an overlay, delegated cgroups, and a network
//! through pasta(1) or slirp4netns(1).

/// Something that belongs to the whole machine, or to somebody else.
pub struct Limit {
    /// What is missed.
    pub what: &'static str,
    /// Why, and what there is instead.
    pub why: &'static str,
    /// Flags of `run` that ask for it; the last word that is `PLACE` stands for a directory of root's.
    pub flags: &'static [&'static str],
    /// What the probe does in the box to have it.
    pub script: &'static str,
}

// ANCHOR: limits
/// In the order in which people miss them.
pub const LIMITS: [Limit; 6] = [
    Limit {
        what: "a limit of memory",
        why: "cgroups are root's, unless systemd has delegated some: systemd-run --user --scope -p Delegate=yes",
        flags: &["--memory", "64m"],
        script: "pid",
    },
    Limit {
        what: "a user beside root",
        why: "an ordinary user maps only itself; /etc/subuid and newuidmap give more",
        flags: &[],
        script: "as 1000",
    },
    Limit {
        what: "a device node",
        why: "CAP_MKNOD counts in the initial user namespace only; the host's harmless nodes are bound",
        flags: &[],
        script: "mknod /tmp/node c 1 3",
    },
    Limit {
        what: "a device of the host",
        why: "it can be bound, and then its owner and mode decide as for everybody",
        flags: &["--device", "/dev/loop-control"],
        script: "first-line /dev/loop-control",
    },
    Limit {
        what: "a setting of the whole machine",
        why: "/proc/sys belongs to the host's root, whoever mounts /proc",
        flags: &["--privileged"],
        script: "open-write /proc/sys/kernel/core_pattern",
    },
    Limit {
        what: "a volume with other owners",
        why: "an idmapped mount needs CAP_SYS_ADMIN where its file system was mounted",
        flags: &["--userns", "private", "-v", "PLACE:/lent:idmap"],
        script: "pid",
    },
];
// ANCHOR_END: limits
