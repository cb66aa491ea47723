//! What the kernel has, as it tells without being tried.

use std::fs;
use std::path::Path;

use nix::sys::utsname::uname;

use crate::proc::ns::Namespace;

/// Whether a kind of namespace is compiled in.
pub(crate) fn has_namespace(kind: Namespace) -> bool {
    Path::new("/proc/self/ns").join(kind.file()).exists()
}

/// Whether seccomp filters are compiled in.
pub(crate) fn has_seccomp_filters() -> bool {
    read("/proc/sys/kernel/seccomp/actions_avail").contains("errno")
}

/// Whether a file system is there, or a module that would bring it.
pub(crate) fn has_file_system(name: &str) -> bool {
    registered(&read("/proc/filesystems"), name) || has_module(name)
}

/// Whether there are CPUs to choose among: a list like `0-1`.
pub(crate) fn has_two_cpus() -> bool {
    read("/sys/devices/system/cpu/online").contains(['-', ','])
}

/// Whether this is the machine of `cargo xtask vm`, which says so on the kernel's command line.
pub(crate) fn is_disposable() -> bool {
    read("/proc/cmdline").contains("bxw.cgroup=")
}

/// Whether a loop device can be asked for.
pub(crate) fn has_loop_devices() -> bool {
    Path::new("/dev/loop-control").exists()
}

/// Whether a module is loaded, built in, or could be loaded. A kernel without an index of its modules does not tell: it is
/// believed to have it.
pub(crate) fn has_module(name: &str) -> bool {
    let release = uname().map(|uts| uts.release().to_string_lossy().into_owned());
    let dir = Path::new("/lib/modules").join(release.unwrap_or_default());
    let listed = |file: &str| lists(&read(dir.join(file)), name);
    Path::new("/sys/module").join(name).exists()
        || listed("modules.builtin")
        || listed("modules.dep")
        || !dir.join("modules.dep").exists()
}

pub(crate) fn read(file: impl AsRef<Path>) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

/// Lines are `nodev overlay`, with a tab between, or ` ext4`.
fn registered(filesystems: &str, name: &str) -> bool {
    filesystems.lines().any(|line| line.split_whitespace().next_back() == Some(name))
}

/// `kernel/fs/overlayfs/overlay.ko.xz: …`; a file may be compressed, and spells `_` as `-`.
fn lists(modules: &str, name: &str) -> bool {
    let is_it = |line: &str| {
        let path = line.split(':').next().unwrap_or_default();
        let file = path.rsplit('/').next().unwrap_or_default();
        file.split_once(".ko").is_some_and(|(stem, _)| stem.replace('-', "_") == name)
    };
    modules.lines().any(is_it)
}

/// Whether a program of this name can be found.
pub fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_is_the_last_word() {
        let text = "nodev\tsysfs\nnodev\toverlay\n\text4\n";
        assert!(registered(text, "overlay") && registered(text, "ext4"));
        assert!(!registered(text, "over"));
    }

    #[test]
    fn a_module_is_found_compressed_or_not() {
        let text = "kernel/net/netfilter/nf_tables.ko.xz: kernel/x/nfnetlink.ko.xz\n\
                    kernel/drivers/net/veth.ko:\nkernel/fs/over-lay.ko.zst:\n";
        assert!(lists(text, "nf_tables") && lists(text, "veth") && lists(text, "over_lay"));
        assert!(!lists(text, "nfnetlink"));
    }
}
