//! What `--privileged` gives back, beside capabilities and calls.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use clone_pid::Part;
use ground::Result;
use ground::call::{doing, quietly};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

use crate::DeviceNode;

/// Directories of `/dev` that are file systems of their own, and nodes that every box has.
const NOT: [&str; 12] = [
    "pts",
    "shm",
    "mqueue",
    "hugepages",
    "ptmx",
    "console",
    "null",
    "zero",
    "full",
    "random",
    "urandom",
    "tty",
];

/// Every device node in the host's `/dev`, two directories deep.
pub(crate) fn nodes() -> Result<Vec<DeviceNode>> {
    let mut found = Vec::new();
    let mut directories = vec![(PathBuf::from("/dev"), 0)];
    while let Some((directory, depth)) = directories.pop() {
        let entries = quietly(format_args!("list {}", directory.display()))
            .run(|| fs::read_dir(&directory))?;
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            if NOT.iter().any(|name| Path::new("/dev").join(name) == entry.path()) {
                continue;
            }
            if kind.is_dir() && depth < 2 {
                directories.push((entry.path(), depth + 1));
            } else if kind.is_block_device() || kind.is_char_device() {
                found.push(DeviceNode::all_of(entry.path()));
            }
        }
    }
    Ok(found)
}

/// A `/sys` that can be written: power, drivers, firmware of the machine.
pub struct WritableSys(pub bool);

impl Part for WritableSys {
    fn enter(&mut self) -> Result<()> {
        let (none, harmless) =
            (None::<&str>, MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC);
        match self.0 {
            false => Ok(()),
            true => doing("mount /sys MS_REMOUNT, writable").like("mount -o remount,rw /sys").run(
                || match mount(none, "/sys", none, MsFlags::MS_REMOUNT | harmless, none) {
                    // Root of a user namespace cannot: the file system is the host's.
                    Err(Errno::EPERM) => Ok(()),
                    other => other,
                },
            ),
        }
    }
}
