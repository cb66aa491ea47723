//! What experiments need of kernel, machine and privileges: declared here once, for the experiments that name a need,
//! the tests that skip by it, `doctor` that explains it, and the book's tables.

pub(crate) mod controllers;
mod declare;
mod declared;
mod disk;
pub(crate) mod kernel;
mod network;
pub(crate) mod trial;

use nix::unistd::getuid;

use crate::proc::Process;
use crate::proc::ns::Namespace;
use crate::sys;

/// `CAP_SYS_ADMIN`, see capabilities(7).
pub(crate) const CAP_SYS_ADMIN: u32 = 21;
/// `CAP_MKNOD`.
pub(crate) const CAP_MKNOD: u32 = 27;

/// Something that must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Need {
    /// `CAP_SYS_ADMIN` over the namespaces at hand: root, or root of a user namespace.
    Admin,
    /// Root of the initial user namespace.
    InitialRoot,
    /// `CAP_MKNOD` in the initial user namespace.
    Mknod,
    /// Users beside root: a box may change to another.
    OtherUsers,
    /// What outlives a boot is on a file system that overlayfs can write to.
    KeptLayers,
    /// An ordinary user may make a user namespace, map itself and mount in it.
    UserNamespaces,
    /// Kernel 5.3: clone3(2) and pidfds.
    Clone3,
    /// Kernel 5.11: close_range(2) with `CLOSE_RANGE_CLOEXEC`.
    CloseRange,
    /// Kernel 5.6: time namespaces.
    TimeNamespaces,
    /// Kernel 4.6: cgroup namespaces.
    CgroupNamespaces,
    /// Kernel 5.2: open_tree(2) and move_mount(2).
    MountApi,
    /// Kernel 5.12: mount_setattr(2).
    MountSetattr,
    /// seccomp filters.
    Seccomp,
    /// overlayfs can be mounted.
    Overlay,
    /// A group with a CPU quota can be made.
    CpuController,
    /// A group bound to some CPUs can be made.
    CpusetController,
    /// A group can be frozen.
    Freezer,
    /// A group with a memory limit can be made.
    MemoryController,
    /// …in a v1 hierarchy.
    MemoryV1,
    /// …in the v2 hierarchy.
    MemoryV2,
    /// A group with a limited number of processes can be made.
    PidsController,
    /// A group with limited block I/O can be made.
    IoController,
    /// An ext4 can be made and mounted.
    Ext4,
    /// …with quotas for projects.
    ProjectQuota,
    /// More than one CPU.
    TwoCpus,
    /// A loop device can be made.
    LoopDevice,
    /// Swapping can be turned on, and groups count it.
    Swap,
    /// A machine that is thrown away afterwards: settings of the whole host may be changed.
    Disposable,
    /// A network namespace can be made.
    NetworkNamespaces,
    /// A pair of veth interfaces can be made.
    Veth,
    /// A bridge can be made.
    Bridge,
    /// nf_tables answers.
    Nftables,
    /// A macvlan interface can be made.
    Macvlan,
    /// An ipvlan interface can be made.
    Ipvlan,
    /// A VXLAN interface can be made.
    Vxlan,
    /// The program `ip`.
    Iproute2,
    /// bash is installed.
    Bash,
    /// runc is installed: a program written in Go.
    Runc,
    /// tini is installed.
    Tini,
}

/// How a need is looked at.
pub(crate) enum Probe {
    /// The kernel has it or not, whoever asks.
    Kernel(fn() -> bool),
    /// Only the privileges of the asking process decide.
    Privilege(fn() -> bool),
    /// It is tried, in a child with namespaces of its own. When that is forbidden to an ordinary user, the second tells
    /// from outside whether root would succeed.
    Try(trial::Trial, fn() -> bool),
    /// A group with this controller can be made.
    Controller(controllers::Controller),
}

impl Need {
    /// All of them, in the order in which `doctor` tells them.
    pub const ALL: [Need; declared::ALL.len()] = declared::needs();

    /// These and more, `N` in all: for the `needs` of an experiment that shares most of them with others.
    pub const fn and<const N: usize>(these: &[Need], more: &[Need]) -> [Need; N] {
        assert!(these.len() + more.len() == N, "N is the number of needs");
        let mut all = [Need::Admin; N];
        let mut i = 0;
        while i < N {
            all[i] = if i < these.len() { these[i] } else { more[i - these.len()] };
            i += 1;
        }
        all
    }

    /// Its name in `list --json` and in the table of skips.
    pub fn id(self) -> &'static str {
        self.declared().id
    }

    /// What it is, for people.
    pub fn what(self) -> &'static str {
        self.declared().what
    }

    /// What to do when it is missing.
    pub fn remedy(self) -> &'static str {
        self.declared().remedy
    }

    /// The lessons in which something cannot be shown without it, by number.
    pub fn lessons(self) -> &'static [u8] {
        self.declared().lessons
    }

    /// Whether those lessons cannot be shown at all without it.
    pub fn is_essential(self) -> bool {
        self.declared().essential
    }

    /// Whether it is met, by this process on this machine. Some needs are tried in a forked child: the caller must have
    /// a single thread.
    pub fn is_met(self) -> bool {
        match self.probe() {
            Probe::Kernel(is_met) | Probe::Privilege(is_met) => is_met(),
            Probe::Try(trial, _) => trial.attempt(trial::Who::Caller).is_ok(),
            Probe::Controller(controller) => {
                controllers::Layout::read().is_ok_and(|layout| layout.usable(*controller).is_some())
            }
        }
    }

    pub(crate) fn probe(self) -> &'static Probe {
        &self.declared().probe
    }

    fn declared(self) -> &'static declare::Declared {
        &declared::ALL[self as usize]
    }
}

/// Whether capability `number` is in the effective set of this process.
pub fn has_capability(number: u32) -> bool {
    sys::effective_capabilities().is_ok_and(|set| set >> number & 1 == 1)
}

/// `USER_NS_INIT_INO` of the kernel's `linux/nsfs.h`: every other user namespace gets a lower number.
const INITIAL_USER_NAMESPACE: u64 = 0xEFFF_FFFD;

/// Whether this process is in the user namespace that the machine began with. The map does not tell: another namespace can
/// map every ID to itself, too.
pub fn in_initial_user_namespace() -> bool {
    let ours = Process::this().namespace(Namespace::User);
    ours.is_ok_and(|ours| ours.ino == INITIAL_USER_NAMESPACE)
}

/// Whether this process may make namespaces and mounts.
pub(crate) fn is_admin() -> bool {
    has_capability(CAP_SYS_ADMIN)
}

fn is_initial_root() -> bool {
    getuid().is_root() && in_initial_user_namespace()
}

/// Whether this process is root and others are mapped beside it: 1000, say, in both maps.
fn has_other_users() -> bool {
    let maps = [Process::this().uid_map(), Process::this().gid_map()];
    is_admin()
        && maps.iter().flatten().filter(|map| map.iter().any(|line| line.has(1000))).count() == 2
}

fn can_mknod() -> bool {
    has_capability(CAP_MKNOD) && in_initial_user_namespace()
}
