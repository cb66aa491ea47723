//! From the kernel's hand-over to a machine that could run something.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::sys::{self, MountFlags, mount};
use crate::{Doing, Result};

const KERNEL_FILES: MountFlags =
    MountFlags { bits: libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC };
const PLAIN: MountFlags = MountFlags { bits: 0 };

/// Does everything that needs nothing of the host yet.
pub fn boot() -> Result<()> {
    mount("proc", "/proc", "proc", KERNEL_FILES, "").doing("mount /proc")?;
    mount("sysfs", "/sys", "sysfs", KERNEL_FILES, "").doing("mount /sys")?;
    devices()?;
    modules()?;
    match fs::read_to_string("/proc/cmdline").doing("read /proc/cmdline")?.contains("bxw.cgroup=v1")
    {
        true => cgroup_v1()?,
        false => cgroup_v2()?,
    }
    for (dir, mode) in [("/tmp", "1777"), ("/run", "755"), ("/var/tmp", "1777")] {
        fs::create_dir_all(dir).doing(dir)?;
        mount("tmpfs", dir, "tmpfs", PLAIN, &format!("mode={mode}")).doing(dir)?;
    }
    sys::set_hostname("bxw-vm").doing("sethostname")?;
    sys::loopback_up().doing("set lo up")
}

fn devices() -> Result<()> {
    mount("devtmpfs", "/dev", "devtmpfs", PLAIN, "").doing("mount /dev")?;
    for (dir, kind, options) in [
        ("/dev/pts", "devpts", "mode=620,ptmxmode=666"),
        ("/dev/shm", "tmpfs", "mode=1777"),
        ("/dev/mqueue", "mqueue", ""),
    ] {
        fs::create_dir_all(dir).doing(dir)?;
        mount(kind, dir, kind, PLAIN, options).doing(dir)?;
    }
    let links =
        [("/proc/self/fd", "fd"), ("fd/0", "stdin"), ("fd/1", "stdout"), ("fd/2", "stderr")];
    for (to, name) in links {
        symlink(to, format!("/dev/{name}")).doing(name)?;
    }
    Ok(())
}

/// Loads `/modules/*` in order of name. One that will not load is only said on the console: what
/// really needs it fails by itself, with a better message.
fn modules() -> Result<()> {
    let entries = fs::read_dir("/modules").doing("read directory /modules")?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let loaded = fs::File::open(&path).and_then(|file| sys::load_module(&file));
        if let Err(error) = loaded
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            eprintln!("load {}: {error}", path.display());
        }
        fs::remove_file(&path).doing("remove a loaded module")?; // it would only fill the snapshot
    }
    // Nothing else can be loaded later, and the kernel need not start a program to find that out.
    fs::write("/proc/sys/kernel/modprobe", "\n").doing("write /proc/sys/kernel/modprobe")
}

const CGROUP: &str = "/sys/fs/cgroup";

/// As systemd leaves it: all controllers for everybody, and whoever works is in a group below.
fn cgroup_v2() -> Result<()> {
    let options = "nsdelegate,memory_recursiveprot";
    mount("cgroup2", CGROUP, "cgroup2", KERNEL_FILES, options).doing("mount cgroup2")?;
    let controllers = Path::new(CGROUP).join("cgroup.controllers");
    let controllers = fs::read_to_string(controllers).doing("read cgroup.controllers")?;
    for controller in controllers.split_whitespace() {
        let control = Path::new(CGROUP).join("cgroup.subtree_control");
        fs::write(control, format!("+{controller}")).doing(&format!("enable {controller}"))?;
    }
    join_group(CGROUP)
}

/// Every controller in a hierarchy of its own, cpu and cpuacct together, as distributions had it.
/// systemd put sessions into groups of these five.
fn cgroup_v1() -> Result<()> {
    mount("tmpfs", CGROUP, "tmpfs", KERNEL_FILES, "mode=755").doing(CGROUP)?;
    let table = fs::read_to_string("/proc/cgroups").doing("read /proc/cgroups")?;
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    let names = rows.filter_map(|row| row.split_whitespace().next());
    for name in names.filter(|name| *name != "cpuacct") {
        let controllers = if name == "cpu" { "cpu,cpuacct" } else { name };
        let dir = format!("{CGROUP}/{controllers}");
        fs::create_dir(&dir).doing(&dir)?;
        mount("cgroup", &dir, "cgroup", KERNEL_FILES, controllers).doing(&dir)?;
        if ["cpu", "blkio", "memory", "devices", "pids"].contains(&name) {
            join_group(&dir)?;
        }
    }
    Ok(())
}

/// Joins the group of the only session: the command will be our child and be born in it.
fn join_group(hierarchy: &str) -> Result<()> {
    let group = Path::new(hierarchy).join("session.scope");
    fs::create_dir(&group).doing("make a cgroup")?;
    fs::write(group.join("cgroup.procs"), "0").doing("join a cgroup")
}
