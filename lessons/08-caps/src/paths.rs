//! What of `/proc` and `/sys` a box may neither read nor write.

use std::os::fd::{AsFd, OwnedFd};

use clone_pid::Part;
use ground::call::{doing, quietly};
use ground::{Error, Result};
use mount_ns::sys::Detached;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{fstat, makedev};
use nix::sys::statfs::{PROC_SUPER_MAGIC, SYSFS_MAGIC, fstatfs};
use overlay::sys::Context;

// ANCHOR: masks
/// Files and directories that show or change the whole machine, whatever namespace the reader is in.
///
/// A file is covered by `/dev/null`, a directory by an empty tmpfs; what has to be read is bound onto itself, read-only.
/// `/proc/sys` is of the last kind. Most of it belongs to the initial user namespace, but its files ask only whether the
/// writer's user ID is 0 on the host, and no capability: root of a box without a user namespace of its own could set
/// `kernel.core_pattern` to a program that the host then runs.
///
/// Whoever looks a path up on the way to a mask can be led astray: by a link in the image, or by a process of the box that
/// swaps a directory (CVE-2019-16884, CVE-2025-31133). So no path is looked up twice. `/proc` is opened once and has to be
/// the root of a proc file system; from there the kernel goes down without leaving it and without any link, and every mount
/// is made on the descriptor that came back.
#[derive(Clone, Debug)]
pub struct Masks {
    masked: Vec<&'static str>,
    read_only: Vec<&'static str>,
}

/// Docker's list.
impl Default for Masks {
    fn default() -> Masks {
        let masked = vec![
            "/proc/acpi", // firmware
            "/proc/asound",
            "/proc/interrupts", // when the host's keys are hit
            "/proc/kcore",      // memory of the kernel
            "/proc/keys",       // of every user
            "/proc/latency_stats",
            "/proc/timer_list",
            "/proc/timer_stats",
            "/proc/sched_debug",
            "/proc/scsi",
            "/sys/firmware",
            "/sys/devices/virtual/powercap", // the power that a secret key takes
        ];
        let read_only =
            vec!["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
        Masks { masked, read_only }
    }
}

impl Masks {
    /// Nothing is covered: `--security-opt systempaths=unconfined`.
    pub fn none() -> Masks {
        Masks { masked: Vec::new(), read_only: Vec::new() }
    }
}

impl Part for Masks {
    /// After everything that has to write there; before the first program of the box, who could swap something.
    fn enter(&mut self) -> Result<()> {
        if self.masked.is_empty() && self.read_only.is_empty() {
            return Ok(());
        }
        let trees = [Tree::open("/proc")?, Tree::open("/sys")?];
        let of = |path: &str| trees.iter().flatten().find(|tree| path.starts_with(tree.at));
        let null = null()?;
        for path in &self.masked {
            if let Some(target) = of(path).and_then(|tree| tree.find(path).transpose()) {
                mask(&target?, path, &null)?;
            }
        }
        for path in &self.read_only {
            if let Some(target) = of(path).and_then(|tree| tree.find(path).transpose()) {
                protect(&target?, path)?;
            }
        }
        Ok(())
    }
}
// ANCHOR_END: masks

/// `/proc` or `/sys`, known to be what it is called.
struct Tree {
    at: &'static str,
    root: OwnedFd,
}

impl Tree {
    /// Nothing where the box has no such mount.
    fn open(at: &'static str) -> Result<Option<Tree>> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
        let root = match openat2(AT_FDCWD, at, how) {
            Err(Errno::ENOENT) => return Ok(None),
            other => quietly(format_args!("open {at}"))
                .hint(Errno::ELOOP, "it is a link in the image")
                .run(|| other)?,
        };
        let kind = quietly(format_args!("statfs {at}")).run(|| fstatfs(&root))?.filesystem_type();
        match (at, kind) {
            ("/proc", PROC_SUPER_MAGIC) | ("/sys", SYSFS_MAGIC) => Ok(Some(Tree { at, root })),
            // An image without a mount there has nothing to hide.
            _ => Ok(None),
        }
    }

    /// A file below it, by a way without links that does not leave it. Nothing where this kernel has none.
    fn find(&self, path: &str) -> Result<Option<OwnedFd>> {
        let below = path.trim_start_matches(self.at).trim_start_matches('/');
        let beneath = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS;
        let how = OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC).resolve(beneath);
        match openat2(&self.root, below, how) {
            Err(Errno::ENOENT) => Ok(None),
            other => quietly(format_args!("open {path}")).run(|| other).map(Some),
        }
    }
}

/// The box's `/dev/null`, if that is what it is: an image or a volume may have put anything there.
fn null() -> Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
    let null = quietly("open /dev/null in the box").run(|| openat2(AT_FDCWD, "/dev/null", how))?;
    match is_null(&null)? {
        true => Ok(null),
        false => Err(Error::usage("/dev/null of the box is another file")
            .remedy("it has to cover files of /proc; mount nothing over it")),
    }
}

fn is_null(fd: &OwnedFd) -> Result<bool> {
    let about = quietly("fstat").run(|| fstat(fd))?;
    Ok(about.st_mode & libc::S_IFMT == libc::S_IFCHR && about.st_rdev == makedev(1, 3))
}

fn mask(target: &OwnedFd, path: &str, null: &OwnedFd) -> Result<()> {
    match is_directory(target)? {
        true => doing(format_args!("mount an empty tmpfs on {path}"))
            .like_args(format_args!("mount -t tmpfs -o ro,size=0 tmpfs {path}"))
            .run(|| empty()?.attach(target.as_fd(), "")),
        false => doing(format_args!("mount /dev/null on {path}"))
            .like_args(format_args!("mount --bind /dev/null {path}"))
            .run(|| Detached::copy_of(null)?.attach(target.as_fd(), "")),
    }
}

fn empty() -> nix::Result<Detached> {
    let harmless = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC;
    let context = Context::open(c"tmpfs")?;
    context.create()?;
    context.mount(libc::MOUNT_ATTR_RDONLY | harmless).map(Detached::from)
}

/// Of the copy, before it is hung up: nobody can write in between.
fn protect(target: &OwnedFd, path: &str) -> Result<()> {
    doing(format_args!("mount {path} on {path} MS_BIND, read-only"))
        .like_args(format_args!("mount --bind -o ro {path} {path}"))
        .run(|| {
            let copy = Detached::copy_of(target)?;
            copy.make_read_only()?;
            copy.attach(target.as_fd(), "")
        })
}

fn is_directory(fd: &OwnedFd) -> Result<bool> {
    let about = quietly("fstat").run(|| fstat(fd))?;
    Ok(about.st_mode & libc::S_IFMT == libc::S_IFDIR)
}
