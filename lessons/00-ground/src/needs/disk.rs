//! What the lesson about disks needs.

use std::path::Path;

use super::declare::{Declared, need};
use super::{Need, Probe, kernel};

/// A disk of one's own.
pub(super) const LOOP_DEVICE: Declared = need(
    Need::LoopDevice,
    "loop-device",
    "loop devices: a disk of one's own",
    Probe::Kernel(kernel::has_loop_devices),
)
.affects(&[5, 7, 8])
.remedy("sudo modprobe loop; in a container /dev/loop-control must be there");

/// A file system on a disk, and the tool that makes it.
pub(super) const EXT4: Declared =
    need(Need::Ext4, "ext4", "ext4, and mkfs.ext4", Probe::Kernel(has_ext4))
        .affects(&[7])
        .remedy("sudo modprobe ext4, and install the package e2fsprogs");

/// Quotas for projects.
pub(super) const PROJECT_QUOTA: Declared = need(
    Need::ProjectQuota,
    "project-quota",
    "ext4 with quotas for projects",
    Probe::Kernel(has_project_quota),
)
.affects(&[7])
.remedy("a kernel with CONFIG_QFMT_V2 (sudo modprobe quota_v2); `cargo xtask vm` has it");

fn has_ext4() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let tool = std::env::split_paths(&path).any(|dir| dir.join("mkfs.ext4").exists());
    tool && kernel::has_file_system("ext4")
}

/// The code that reads quotas of this format is a module, or a part of the kernel, which then lists its functions.
fn has_project_quota() -> bool {
    let loaded = || Path::new("/sys/module/quota_v2").exists();
    let built_in = || kernel::read("/proc/kallsyms").contains(" v2_check_quota_file");
    has_ext4() && (loaded() || built_in())
}
