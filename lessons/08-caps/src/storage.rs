//! Where a box can write: not in its root, but in memory.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::str::FromStr;

use clone_pid::Part;
use ground::call::{doing, quietly};
use ground::{Error, Result};
use memory_oom::size;
use mount_ns::beyond::destination::{self, HostRoot};
use mount_ns::sys::{Detached, make_one_read_only};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use overlay::sys::Context;

// ANCHOR: read-only
/// The box's root directory cannot be written; what is mounted below it is not changed. List it after what makes
/// directories there.
pub struct ReadOnlyRoot(pub bool);

impl Part for ReadOnlyRoot {
    fn enter(&mut self) -> Result<()> {
        if !self.0 {
            return Ok(());
        }
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = quietly("open /").run(|| open("/", flags, Mode::empty()))?;
        doing("mount_setattr / MOUNT_ATTR_RDONLY")
            .like("mount -o remount,bind,ro /")
            .hint(Errno::EINVAL, "/ is no mount point: Rootfs comes first")
            .run(|| make_one_read_only(root))
    }
}
// ANCHOR_END: read-only

/// `DST[:options]`, as Docker writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TmpfsSpec {
    destination: PathBuf,
    options: Vec<(String, String)>,
    attributes: u64,
}

impl FromStr for TmpfsSpec {
    type Err = Error;

    fn from_str(spec: &str) -> Result<TmpfsSpec> {
        let (destination, words) = spec.split_once(':').unwrap_or((spec, ""));
        let destination = PathBuf::from(destination);
        if !destination.is_absolute() || destination.file_name().is_none() {
            return Err(Error::usage("DST is a path from the box's / on, and below it"));
        }
        let safe = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC;
        let mut this = TmpfsSpec { destination, options: Vec::new(), attributes: safe };
        words.split(',').filter(|word| !word.is_empty()).try_for_each(|word| this.add(word))?;
        Ok(this)
    }
}

impl TmpfsSpec {
    fn make(&self) -> nix::Result<OwnedFd> {
        let context = Context::open(c"tmpfs")?;
        for (key, value) in &self.options {
            context.set(&CString::new(key.as_str()).map_err(|_| Errno::EINVAL)?, value.as_str())?;
        }
        context.create()?;
        context.mount(self.attributes)
    }

    fn add(&mut self, word: &str) -> Result<()> {
        let wrong = || {
            Error::usage(format!("no option {word:?}"))
                .remedy("size=64m, mode=1777, uid=N, gid=N, nr_inodes=N, ro, rw, [no]exec, [no]suid, [no]dev")
        };
        let bit = |attributes: u64, bit: u64, on: bool| {
            if on { attributes | bit } else { attributes & !bit }
        };
        let mut set = |flag: u64, on: bool| self.attributes = bit(self.attributes, flag, on);
        match word {
            "ro" | "rw" => set(libc::MOUNT_ATTR_RDONLY, word == "ro"),
            "noexec" | "exec" => set(libc::MOUNT_ATTR_NOEXEC, word == "noexec"),
            "nosuid" | "suid" => set(libc::MOUNT_ATTR_NOSUID, word == "nosuid"),
            "nodev" | "dev" => set(libc::MOUNT_ATTR_NODEV, word == "nodev"),
            "noatime" => set(libc::MOUNT_ATTR_NOATIME, true),
            "relatime" => {}
            _ => {
                let (key, value) = word.split_once('=').ok_or_else(wrong)?;
                let value = match key {
                    "size" => size::parse(value)?.to_string(),
                    "mode" if u32::from_str_radix(value, 8).is_ok_and(|mode| mode <= 0o7777) => {
                        value.into()
                    }
                    "uid" | "gid" | "nr_inodes" if value.parse::<u32>().is_ok() => value.into(),
                    _ => return Err(wrong()),
                };
                self.options.push((key.into(), value));
            }
        }
        Ok(())
    }
}

// ANCHOR: tmpfs
/// A file system in memory: `--tmpfs DST[:options]`. What is written there is charged to the box's memory. See tmpfs(5).
pub struct Tmpfs {
    spec: TmpfsSpec,
    host_root: HostRoot,
}

impl Tmpfs {
    /// What `spec` says.
    pub fn new(spec: TmpfsSpec) -> Tmpfs {
        Tmpfs { spec, host_root: HostRoot::default() }
    }
}

impl Part for Tmpfs {
    fn prepare(&mut self) -> Result<()> {
        self.host_root = HostRoot::here()?;
        Ok(())
    }

    /// In the box: the file system belongs to the user namespace of who makes it.
    fn enter(&mut self) -> Result<()> {
        let at = self.spec.destination.display();
        let tmpfs = quietly(format_args!("make a tmpfs for {at}"))
            .hint(
                Errno::EINVAL,
                "the kernel does not take these options: look at size, uid and gid",
            )
            .run(|| self.spec.make())?;
        let tmpfs = Detached::from(tmpfs);
        let target = destination::open(&self.spec.destination, &tmpfs, &self.host_root)?;
        doing(format_args!("mount tmpfs on {at}"))
            .like_args(format_args!("mount -t tmpfs tmpfs {at}"))
            .run(|| tmpfs.attach(target.as_fd(), ""))
    }
}
// ANCHOR_END: tmpfs

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_unless_said_otherwise() {
        let spec: TmpfsSpec = "/tmp".parse().unwrap();
        assert_eq!(
            spec.attributes,
            libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC
        );
        let spec: TmpfsSpec = "/tmp:size=1m,exec,mode=700".parse().unwrap();
        assert_eq!(spec.attributes & libc::MOUNT_ATTR_NOEXEC, 0);
        assert_eq!(
            spec.options,
            [("size".into(), "1048576".into()), ("mode".into(), "700".into())]
        );
    }

    #[test]
    fn mistakes_are_refused() {
        let wrong =
            ["", "tmp", "/", "/tmp:size", "/tmp:size=x", "/tmp:mode=9", "/tmp:loud", "/tmp:uid=-1"];
        assert!(wrong.iter().all(|spec| spec.parse::<TmpfsSpec>().is_err()));
    }
}
