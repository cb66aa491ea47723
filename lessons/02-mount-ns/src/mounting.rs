//! mount(2), told in the words of mount(8).

use std::fmt::{self, Display};
use std::fs;
use std::io::ErrorKind;

use ground::Result;
use ground::call::{doing, quietly};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

/// Mounts a new file system of type `kind` on the directory `at`, which is made when an image lacks it. `data` is what the
/// file system itself understands: `size=64m`.
pub fn mount_new(kind: &str, at: &str, flags: MsFlags, data: &str) -> Result<()> {
    quietly(format_args!("make directory {at}")).run(|| match fs::create_dir(at) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    })?;
    doing(format_args!("mount {kind} on {at}"))
        .like_args(format_args!("mount -t {kind}{} {kind} {at}", Options(flags, data)))
        .hint(Errno::EPERM, owner_wanted(kind))
        .run(|| mount(Some(kind), at, Some(kind), flags, Some(data)))
}

/// Each of these file systems shows a namespace, and may be mounted only by who has CAP_SYS_ADMIN over that one.
fn owner_wanted(kind: &str) -> &'static str {
    match kind {
        "proc" => {
            "in a user namespace this needs a PID namespace of its own, \
             and a host /proc that nothing is mounted over"
        }
        "sysfs" => "in a user namespace this needs a network namespace of its own",
        "mqueue" => "in a user namespace this needs an IPC namespace of its own",
        _ => "this needs CAP_SYS_ADMIN over the mount namespace; run with sudo, or --rootless",
    }
}

/// The `-o` of mount(8).
struct Options<'a>(MsFlags, &'a str);

impl Display for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            (MsFlags::MS_RDONLY, "ro"),
            (MsFlags::MS_NOSUID, "nosuid"),
            (MsFlags::MS_NODEV, "nodev"),
            (MsFlags::MS_NOEXEC, "noexec"),
        ];
        let words = words.iter().filter(|(flag, _)| self.0.contains(*flag)).map(|(_, word)| *word);
        let words: Vec<_> = words.chain([self.1]).filter(|word| !word.is_empty()).collect();
        match words.is_empty() {
            true => Ok(()),
            false => write!(f, " -o {}", words.join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_data_become_one_list() {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_RDONLY;
        assert_eq!(Options(flags, "size=1m").to_string(), " -o ro,nosuid,size=1m");
        assert_eq!(Options(MsFlags::empty(), "").to_string(), "");
    }
}
