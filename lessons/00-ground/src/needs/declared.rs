//! The table of needs.

use super::controllers::{self, Controller};
use super::declare::{Declared, need};
use super::disk;
use super::kernel::{self, has_namespace};
use super::network;
use super::trial::Trial;
use super::{Need, Probe, can_mknod, has_other_users, is_admin, is_initial_root};
use crate::host::data;
use crate::proc::ns::Namespace;
use crate::sys;

/// The list of the needs in the table.
pub(super) const fn needs() -> [Need; ALL.len()] {
    let mut needs = [Need::Admin; ALL.len()];
    let mut i = 0;
    while i < ALL.len() {
        needs[i] = ALL[i].need;
        i += 1;
    }
    needs
}

const EVERY: &[u8] = &[1, 2, 3, 4, 5, 6, 7, 8, 9];
const GROUPS: &str = "run with sudo; where root lacks it too, /sys/fs/cgroup is read-only (a container), \
                      or /proc/cmdline has cgroup_disable=";

/// Every need, in the order of the enumeration.
pub(super) static ALL: [Declared; 39] = [
    need(
        Need::Admin,
        "admin",
        "CAP_SYS_ADMIN: to make namespaces and mounts",
        Probe::Privilege(is_admin),
    )
    .essential(EVERY)
    .remedy("run with sudo, or --rootless"),
    need(
        Need::InitialRoot,
        "initial-root",
        "root of the initial user namespace",
        Probe::Privilege(is_initial_root),
    )
    .affects(&[1, 2, 3, 7, 8])
    .remedy("run with sudo, and not with --rootless"),
    need(
        Need::Mknod,
        "mknod",
        "CAP_MKNOD in the initial user namespace: to make device nodes",
        Probe::Privilege(can_mknod),
    )
    .affects(&[2, 3, 8])
    .remedy("run with sudo, not with --rootless; in a container the runtime dropped CAP_MKNOD"),
    need(
        Need::OtherUsers,
        "other-users",
        "users beside yourself: for a box to change to",
        Probe::Privilege(has_other_users),
    )
    .affects(&[8])
    .remedy(
        "run with sudo; for --rootless a line of yours in /etc/subuid and one in /etc/subgid, and newuidmap",
    ),
    need(
        Need::KeptLayers,
        "kept-layers",
        "a file system for boxes that overlayfs can write to: for what they keep",
        Probe::Kernel(data::holds_layers),
    )
    .affects(&[9])
    .remedy("/var/lib, or the home of an ordinary user, must not be an overlay itself"),
    need(
        Need::UserNamespaces,
        "user-namespaces",
        "user namespaces of an ordinary user: for --rootless",
        Probe::Try(Trial::USER_NAMESPACE, || has_namespace(Namespace::User)),
    )
    .affects(&[8])
    .remedy(
        "sudo sysctl -w kernel.unprivileged_userns_clone=1 (Debian), \
         kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu), \
         user.max_user_namespaces=10000 (RHEL)",
    ),
    need(
        Need::Clone3,
        "clone3",
        "clone3 and pidfds (Linux 5.3)",
        Probe::Kernel(|| sys::knows(libc::SYS_clone3)),
    )
    .essential(EVERY),
    need(
        Need::CloseRange,
        "close-range",
        "close_range (Linux 5.11): no descriptor leaks into a box",
        Probe::Kernel(sys::closes_on_exec),
    )
    .essential(EVERY),
    need(
        Need::TimeNamespaces,
        "time-namespaces",
        "time namespaces (Linux 5.6)",
        Probe::Kernel(|| has_namespace(Namespace::Time)),
    )
    .affects(&[1, 8]),
    need(
        Need::CgroupNamespaces,
        "cgroup-namespaces",
        "cgroup namespaces (Linux 4.6)",
        Probe::Kernel(|| has_namespace(Namespace::Cgroup)),
    )
    .affects(&[1, 4]),
    need(
        Need::MountApi,
        "mount-api",
        "open_tree and move_mount (Linux 5.2): device nodes in a user namespace",
        Probe::Kernel(|| sys::knows(libc::SYS_open_tree) && sys::knows(libc::SYS_move_mount)),
    )
    .affects(&[2, 3, 8]),
    need(
        Need::MountSetattr,
        "mount-setattr",
        "mount_setattr (Linux 5.12): /sys, /dev and volumes of a box",
        Probe::Kernel(|| sys::knows(libc::SYS_mount_setattr)),
    )
    .essential(&[2, 3]),
    need(Need::Seccomp, "seccomp", "seccomp filters", Probe::Kernel(kernel::has_seccomp_filters))
        .essential(&[8])
        .remedy("boot a kernel with CONFIG_SECCOMP_FILTER"),
    need(
        Need::Overlay,
        "overlay",
        "overlayfs: layers of images",
        Probe::Try(Trial::OVERLAY, || kernel::has_file_system("overlay")),
    )
    .essential(&[7])
    .remedy("sudo modprobe overlay"),
    need(
        Need::CpuController,
        "cpu-controller",
        "cgroups with a CPU quota",
        Probe::Controller(Controller::CPU),
    )
    .essential(&[4])
    .remedy(GROUPS),
    need(
        Need::CpusetController,
        "cpuset-controller",
        "cgroups bound to some CPUs",
        Probe::Controller(Controller::CPUSET),
    )
    .affects(&[4])
    .remedy(GROUPS),
    need(
        Need::Freezer,
        "freezer",
        "cgroups that can be frozen",
        Probe::Controller(Controller::FREEZER),
    )
    .affects(&[4, 9])
    .remedy(GROUPS),
    need(
        Need::MemoryController,
        "memory-controller",
        "cgroups with a memory limit",
        Probe::Controller(Controller::MEMORY),
    )
    .essential(&[5])
    .remedy(GROUPS),
    need(
        Need::MemoryV1,
        "memory-v1",
        "cgroup v1's memory controller, for what v2 has no more",
        Probe::Kernel(controllers::has_memory_v1),
    )
    .affects(&[5, 7, 8])
    .remedy("`cargo xtask vm --cgroup v1` has it; or boot with systemd.unified_cgroup_hierarchy=0"),
    need(
        Need::MemoryV2,
        "memory-v2",
        "cgroup v2's memory controller, for what v1 never had",
        Probe::Kernel(controllers::has_memory_v2),
    )
    .affects(&[5, 7])
    .remedy("`cargo xtask vm` has it; or boot with systemd.unified_cgroup_hierarchy=1"),
    need(
        Need::PidsController,
        "pids-controller",
        "cgroups with a limited number of processes",
        Probe::Controller(Controller::PIDS),
    )
    .affects(&[5])
    .remedy(GROUPS),
    need(
        Need::IoController,
        "io-controller",
        "cgroups with limited block I/O",
        Probe::Controller(Controller::IO),
    )
    .affects(&[7])
    .remedy(GROUPS),
    disk::EXT4,
    disk::PROJECT_QUOTA,
    need(
        Need::TwoCpus,
        "two-cpus",
        "two CPUs, to bind a box to one of them",
        Probe::Kernel(kernel::has_two_cpus),
    )
    .affects(&[5])
    .remedy("a machine with two CPUs; for cargo xtask vm, --cpus 2"),
    disk::LOOP_DEVICE,
    need(
        Need::Swap,
        "swap",
        "swap that can be turned on and is counted for each cgroup",
        Probe::Kernel(controllers::counts_swap),
    )
    .affects(&[5])
    .remedy("boot with swapaccount=1, and a kernel with CONFIG_SWAP"),
    need(
        Need::Disposable,
        "disposable",
        "a machine that is thrown away: for what changes settings of the whole host",
        Probe::Kernel(kernel::is_disposable),
    )
    .affects(&[5, 6])
    .remedy("cargo xtask vm run lesson NN"),
    network::NAMESPACES,
    network::VETH,
    network::BRIDGE,
    network::NFTABLES,
    network::MACVLAN,
    network::IPVLAN,
    network::VXLAN,
    network::IPROUTE2,
    need(
        Need::Bash,
        "bash",
        "bash, whose handlers are looked at",
        Probe::Kernel(|| kernel::has_program("bash")),
    )
    .affects(&[9])
    .remedy("install bash with the distribution's package manager"),
    need(
        Need::Runc,
        "runc",
        "runc, as a program written in Go",
        Probe::Kernel(|| kernel::has_program("runc")),
    )
    .affects(&[9])
    .remedy("install runc with the distribution's package manager"),
    need(
        Need::Tini,
        "tini",
        "tini, to compare the kit's init with",
        Probe::Kernel(|| kernel::has_program("tini")),
    )
    .affects(&[9])
    .remedy("install tini with the distribution's package manager"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enumeration() {
        assert!(ALL.iter().enumerate().all(|(i, declared)| declared.need as usize == i));
    }

    #[test]
    fn ids_are_unique_and_every_need_belongs_to_a_lesson() {
        let ids: std::collections::BTreeSet<_> = ALL.iter().map(|declared| declared.id).collect();
        assert_eq!(ids.len(), ALL.len());
        assert!(ALL.iter().all(|declared| !declared.lessons.is_empty()));
    }
}
