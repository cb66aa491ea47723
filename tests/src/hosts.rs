//! Hosts unlike this one: with every mount shared, with an ordinary user, with a process that has joined a box.

use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::unistd::{Pid, getuid};

use crate::{Background, binary, eventually, said};

/// `NAME ARGS…` on a host where every mount is shared, as systemd makes it. It is a mount namespace that ends with the
/// command, and into which `setup`, a shell script, may mount: neither reaches the real host.
pub fn on_shared_mounts(setup: &str, name: &str, args: &[&str]) -> Command {
    let script = format!("set -e\nmount --make-rshared /\n{setup}\nexec \"$@\"");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script, "sh"]).arg(binary(name)).args(args);
    command
}

/// Mounts an empty tmpfs in the mount namespace of `pid`.
pub fn mount_in_namespace_of(pid: Pid, at: &str) {
    let mut command = Command::new("nsenter");
    command.args(["--mount", &format!("--target={pid}"), "mount", "-t", "tmpfs", "none", at]);
    said(&mut command);
}

/// A process in the mount namespace of `pid`, at the root directory of the namespace and not at that of `pid`: only it
/// sees all mounts. It executes the probe, which the box has at `probe`.
pub fn guest(pid: Pid, probe: &str) -> Background {
    let mut command = Command::new("nsenter");
    command.args(["--mount", &format!("--target={pid}"), "--", probe, "sleep", "60"]);
    let guest = Background::of(&mut command);
    let comm = format!("/proc/{}/comm", guest.pid());
    let is_there = || std::fs::read_to_string(&comm).is_ok_and(|comm| comm == "bxw-probe\n");
    eventually("the guest is in the box", || is_there().then_some(()));
    guest
}

/// The user whom a process of root becomes to have no privilege. A file of mode 0755 is not his.
pub const NOBODY: u32 = 65534;

/// `NAME ARGS…` as an ordinary user.
pub fn as_nobody(name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(binary(name));
    command.args(args).env_remove("XDG_RUNTIME_DIR").current_dir("/");
    if getuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}
