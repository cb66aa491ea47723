//! What stands in a box's `/dev`.

use std::fs;
use std::os::unix::fs::symlink;

use ground::Result;
use ground::call::{doing, quietly};
use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{Mode, SFlag, makedev, mknod, umask};

use crate::sys::Detached;
use crate::{HARMLESS, mount_new};

/// Name, major and minor number: the six devices that OCI's runtime specification asks for, all drivers without hardware.
const NODES: [(&str, u64, u64); 6] = [
    ("/dev/null", 1, 3),
    ("/dev/zero", 1, 5),
    ("/dev/full", 1, 7),
    ("/dev/random", 1, 8),
    ("/dev/urandom", 1, 9),
    ("/dev/tty", 5, 0),
];

const LINKS: [(&str, &str); 5] = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
    ("/dev/ptmx", "pts/ptmx"),
];

/// The host's nodes, for [`bind`].
pub fn copies() -> Result<Vec<Detached>> {
    NODES.iter().map(|(name, ..)| copy(name)).collect()
}

fn copy(name: &str) -> Result<Detached> {
    let node = quietly(format_args!("open_tree {name}")).run(|| Detached::copy(name))?;
    // The copy is a peer, or a slave, of the host's /dev: what is mounted over the one appears over the other.
    quietly(format_args!("mount_setattr MS_PRIVATE of {name}")).run(|| node.make_private())?;
    Ok(node)
}

/// Makes the nodes, readable and writable by everybody.
pub fn make() -> Result<()> {
    doing("mknod null, zero, full, random, urandom and tty in /dev")
        .like("mknod -m 666 /dev/null c 1 3, …")
        .run(|| make_all(SFlag::S_IFCHR))
}

/// Hangs the host's nodes into `/dev`, each on an empty file, for a file is mounted on a file.
pub fn bind(copies: &[Detached]) -> Result<()> {
    quietly("make empty files in /dev").run(|| make_all(SFlag::S_IFREG))?;
    let bind = |(copy, (name, ..)): (&Detached, &(&str, u64, u64))| copy.attach(AT_FDCWD, *name);
    doing("move_mount the host's null, zero, full, random, urandom and tty to /dev")
        .like("touch /dev/null; mount --bind /HOST/dev/null /dev/null, …")
        .run(|| copies.iter().zip(&NODES).try_for_each(bind))
}

fn make_all(kind: SFlag) -> nix::Result<()> {
    // The mode of a new node is narrowed by the umask, which the box inherited from whoever called us.
    let inherited = umask(Mode::empty());
    let make = |(name, major, minor): &(&str, u64, u64)| {
        match mknod(*name, kind, Mode::from_bits_truncate(0o666), makedev(*major, *minor)) {
            // Made before the call that was refused: a device cgroup may allow some.
            Err(Errno::EEXIST) => Ok(()),
            other => other,
        }
    };
    let outcome = NODES.iter().try_for_each(make);
    umask(inherited);
    outcome
}

/// POSIX message queues, of the box's IPC namespace. See mq_overview(7).
pub fn message_queues() -> Result<()> {
    match mount_new("mqueue", "/dev/mqueue", HARMLESS, "") {
        // A kernel without them, or a user namespace without an IPC namespace of its own: a box without queues.
        Err(e) if matches!(e.errno(), Some(Errno::ENODEV | Errno::EPERM)) => {
            quietly("remove /dev/mqueue").run(|| fs::remove_dir("/dev/mqueue"))
        }
        other => other,
    }
}

/// The names that POSIX programs expect beside the devices.
pub fn links() -> Result<()> {
    doing("symlink fd, stdin, stdout, stderr and ptmx in /dev")
        .like("ln -s /proc/self/fd /dev/fd, …")
        .run(|| LINKS.iter().try_for_each(|(name, to)| symlink(to, name)))
}
