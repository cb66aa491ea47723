//! An OCI bundle: the box that the floor makes, in the words of the runtime specification.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::failure::{Context, Result};

/// What an OCI engine gives a container by default, with limits, in a directory for crun and runc.
pub fn write(dir: &Path, root: &Path, name: &str, program: &str) -> Result<()> {
    fs::create_dir_all(dir).doing("make directory", dir)?;
    let file = dir.join("config.json");
    fs::write(&file, config(root, name, program).to_string()).doing("write", &file)
}

fn config(root: &Path, name: &str, program: &str) -> Value {
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": [program],
            "env": ["PATH=/bin", format!("container={}", run_of(name))],
            "cwd": "/",
            "capabilities": {"bounding": KEPT, "effective": KEPT, "permitted": KEPT},
            "noNewPrivileges": true,
        },
        "root": {"path": root},
        "hostname": "floor",
        "mounts": mounts(),
        "linux": {
            "namespaces": NAMESPACES.map(|kind| json!({"type": kind})),
            "cgroupsPath": format!("/{name}"),
            "resources": {
                "memory": {"limit": 256 << 20},
                "cpu": {"quota": 100_000, "period": 100_000},
                "pids": {"limit": 100},
            },
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
        },
    })
}

/// By which `cargo xtask clean` finds its processes: the name of the box without its place.
fn run_of(name: &str) -> &str {
    name.rsplit_once('-').map_or(name, |(run, _)| run)
}

const NAMESPACES: [&str; 6] = ["pid", "mount", "uts", "ipc", "network", "cgroup"];

/// Docker's default.
const KEPT: [&str; 14] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SYS_CHROOT",
    "CAP_MKNOD",
    "CAP_AUDIT_WRITE",
    "CAP_SETFCAP",
];

const MASKED: [&str; 7] = [
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/timer_list",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
];

const READ_ONLY: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

fn mounts() -> Value {
    let mount = |kind: &str, at: &str, options: &str| {
        let options: Vec<&str> = options.split(' ').collect();
        json!({"type": kind, "source": kind, "destination": at, "options": options})
    };
    json!([
        mount("proc", "/proc", "nosuid noexec nodev"),
        mount("tmpfs", "/dev", "nosuid strictatime mode=755 size=65536k"),
        mount("devpts", "/dev/pts", "nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5"),
        mount("tmpfs", "/dev/shm", "nosuid noexec nodev mode=1777 size=65536k"),
        mount("mqueue", "/dev/mqueue", "nosuid noexec nodev"),
        mount("sysfs", "/sys", "nosuid noexec nodev ro"),
        mount("cgroup", "/sys/fs/cgroup", "nosuid noexec nodev relatime ro"),
    ])
}
