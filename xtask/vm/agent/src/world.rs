//! The root directory that the command sees: the host's files, over which what is written lies in
//! the machine's memory only, with `/tmp`, `/run`, `/var/tmp` and the kernel's file systems of the
//! machine's own.

use std::fs;
use std::os::unix::fs::chroot;
use std::path::{Path, PathBuf};

use vm_agent::job::Job;

use crate::sys::{MountFlags, mount, move_mount};
use crate::{Doing, Result};

const OWN: [&str; 6] = ["/run", "/tmp", "/var/tmp", "/dev", "/proc", "/sys"];
const NEW: &str = "/new";
const HOST: &str = "mount the host's files (by 9p: in the kernel, or in ../lib/modules/RELEASE)";

/// Builds that root directory and enters it.
pub fn enter(job: &Job) -> Result<()> {
    host_root()?;
    let kept = keep(&job.kept)?;
    for dir in OWN {
        move_mount(Path::new(dir), &below(Path::new(dir))).doing(&format!("move {dir}"))?;
    }
    for (from, path) in kept {
        let to = below(path);
        fs::create_dir_all(&to).doing(&format!("make directory {}", path.display()))?;
        move_mount(&from, &to).doing(&format!("move {}", path.display()))?;
    }
    let state = below(&job.state);
    nine_p("state", &state, false).doing(&format!("mount {}", job.state.display()))?;
    switch_root()
}

/// 9p from the host, read-only on both sides, below an overlay whose upper layer is a tmpfs.
fn host_root() -> Result<()> {
    let none = MountFlags { bits: 0 };
    nine_p("host", Path::new("/host"), true).doing(HOST)?;
    mount("tmpfs", "/scratch", "tmpfs", none, "mode=755").doing("mount /scratch")?;
    for dir in ["/scratch/upper", "/scratch/work"] {
        fs::create_dir(dir).doing(dir)?;
    }
    let layers = "lowerdir=/host,upperdir=/scratch/upper,workdir=/scratch/work";
    mount("overlay", NEW, "overlay", none, layers).doing("mount overlay")
}

fn nine_p(tag: &str, at: &Path, read_only: bool) -> std::io::Result<()> {
    let bits = if read_only { libc::MS_RDONLY } else { 0 };
    let cache = if read_only { "loose" } else { "none" };
    let options = format!("trans=virtio,version=9p2000.L,msize=512000,cache={cache}");
    mount(tag, at, "9p", MountFlags { bits }, &options)
}

/// Binds the directories that are about to be covered to where they can be fetched from later.
fn keep(paths: &[PathBuf]) -> Result<Vec<(PathBuf, &Path)>> {
    let mut kept = Vec::new();
    for (path, n) in paths.iter().zip(0..) {
        let at = PathBuf::from(format!("/kept-{n}"));
        fs::create_dir(&at).doing("make directory")?;
        let bind = MountFlags { bits: libc::MS_BIND };
        mount(below(path), &at, "", bind, "").doing(&format!("bind {}", path.display()))?;
        kept.push((at, path.as_path()));
    }
    Ok(kept)
}

fn below(path: &Path) -> PathBuf {
    Path::new(NEW).join(path.strip_prefix("/").unwrap_or(path))
}

/// The kernel's first root directory cannot be left by pivot_root(2), so the new one is mounted
/// over it; then pivot_root works for whoever comes later. Propagation is what systemd makes it.
fn switch_root() -> Result<()> {
    std::env::set_current_dir(NEW).doing("chdir")?;
    move_mount(Path::new("."), Path::new("/")).doing("move the new root")?;
    chroot(".").doing("chroot")?;
    std::env::set_current_dir("/").doing("chdir")?;
    let shared = MountFlags { bits: libc::MS_SHARED | libc::MS_REC };
    mount("", "/", "", shared, "").doing("make / shared")
}
