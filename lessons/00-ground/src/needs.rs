//! What experiments need of kernel, machine and privileges: declared here once, for the experiments that name a need,
//! the tests that skip by it, `doctor` that explains it, and the book's tables.

use std::fs;
use std::path::Path;

use nix::unistd::getuid;

use crate::proc::Process;
use crate::proc::ns::Namespace;
use crate::sys;

/// `CAP_SYS_ADMIN`, see capabilities(7).
const CAP_SYS_ADMIN: u32 = 21;
/// `CAP_MKNOD`.
const CAP_MKNOD: u32 = 27;

/// Something that must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Need {
    /// `CAP_SYS_ADMIN` over the namespaces at hand: root, or root of a user namespace.
    Admin,
    /// Root of the initial user namespace.
    InitialRoot,
    /// `CAP_MKNOD` in the initial user namespace.
    Mknod,
    /// User namespaces may be made.
    UserNamespaces,
    /// Kernel 5.3: clone3(2) and pidfds.
    Clone3,
    /// Kernel 5.6: time namespaces.
    TimeNamespaces,
    /// Kernel 5.12: mount_setattr(2).
    MountSetattr,
    /// Kernel 5.11: close_range(2) with `CLOSE_RANGE_CLOEXEC`.
    CloseRange,
    /// A network namespace can be made.
    NetworkNamespaces,
}

impl Need {
    /// All of them, in the order in which `doctor` tells them.
    pub const ALL: [Need; 9] = [
        Need::Admin,
        Need::InitialRoot,
        Need::Mknod,
        Need::UserNamespaces,
        Need::Clone3,
        Need::CloseRange,
        Need::TimeNamespaces,
        Need::MountSetattr,
        Need::NetworkNamespaces,
    ];

    /// Its name in `list --json` and in the table of skips.
    pub fn id(self) -> &'static str {
        match self {
            Need::Admin => "admin",
            Need::InitialRoot => "initial-root",
            Need::Mknod => "mknod",
            Need::UserNamespaces => "user-namespaces",
            Need::Clone3 => "clone3",
            Need::TimeNamespaces => "time-namespaces",
            Need::MountSetattr => "mount-setattr",
            Need::CloseRange => "close-range",
            Need::NetworkNamespaces => "network-namespaces",
        }
    }

    /// What it is, for people.
    pub fn what(self) -> &'static str {
        match self {
            Need::Admin => "CAP_SYS_ADMIN: to make namespaces and mounts",
            Need::InitialRoot => "root of the initial user namespace",
            Need::Mknod => "CAP_MKNOD in the initial user namespace: to make device nodes",
            Need::UserNamespaces => "user namespaces: for --rootless",
            Need::Clone3 => "clone3 and pidfds (Linux 5.3)",
            Need::TimeNamespaces => "time namespaces (Linux 5.6)",
            Need::MountSetattr => "mount_setattr (Linux 5.12): recursive read-only volumes",
            Need::CloseRange => "close_range (Linux 5.11): no descriptor leaks into a box",
            Need::NetworkNamespaces => "network namespaces",
        }
    }

    /// What to do when it is missing.
    pub fn remedy(self) -> &'static str {
        match self {
            Need::Admin => "run with sudo, or --rootless",
            Need::InitialRoot => "run with sudo, and not with --rootless",
            Need::Mknod => {
                "run with sudo, not with --rootless; in a container the runtime dropped CAP_MKNOD"
            }
            Need::UserNamespaces => {
                "sudo sysctl -w kernel.unprivileged_userns_clone=1 (Debian), \
                 kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu), \
                 user.max_user_namespaces=10000 (RHEL)"
            }
            Need::Clone3 | Need::CloseRange | Need::TimeNamespaces | Need::MountSetattr => {
                "boot a newer kernel"
            }
            Need::NetworkNamespaces => "boot a kernel with CONFIG_NET_NS",
        }
    }

    /// Whether it is met, by this process on this machine.
    pub fn is_met(self) -> bool {
        match self {
            Need::Admin => has_capability(CAP_SYS_ADMIN),
            Need::InitialRoot => getuid().is_root() && in_initial_user_namespace(),
            Need::Mknod => has_capability(CAP_MKNOD) && in_initial_user_namespace(),
            Need::UserNamespaces => user_namespaces_allowed(),
            Need::Clone3 => sys::knows(libc::SYS_clone3),
            Need::TimeNamespaces => has_namespace(Namespace::Time),
            Need::MountSetattr => sys::knows(libc::SYS_mount_setattr),
            Need::CloseRange => sys::knows(libc::SYS_close_range),
            Need::NetworkNamespaces => has_namespace(Namespace::Network),
        }
    }
}

/// Whether capability `number` is in the effective set of this process.
pub fn has_capability(number: u32) -> bool {
    Process::this().status().is_ok_and(|status| status.capabilities.effective >> number & 1 == 1)
}

/// The initial user namespace is the one that maps every ID to itself.
pub fn in_initial_user_namespace() -> bool {
    Process::this().uid_map().is_ok_and(|map| {
        matches!(map[..], [only] if (only.inside, only.outside, only.length) == (0, 0, u32::MAX))
    })
}

fn has_namespace(kind: Namespace) -> bool {
    Path::new("/proc/self/ns").join(kind.file()).exists()
}

/// Whether the settings allow an ordinary user a user namespace with capabilities in it.
fn user_namespaces_allowed() -> bool {
    let setting = |name: &str| -> Option<i64> {
        fs::read_to_string(format!("/proc/sys/{name}")).ok()?.trim().parse().ok()
    };
    let admin = has_capability(CAP_SYS_ADMIN);
    has_namespace(Namespace::User)
        && setting("user/max_user_namespaces") != Some(0)
        && (admin
            || (setting("kernel/unprivileged_userns_clone") != Some(0)
                && setting("kernel/apparmor_restrict_unprivileged_userns") != Some(1)))
}
