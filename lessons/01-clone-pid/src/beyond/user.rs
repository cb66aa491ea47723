//! The smallest user namespace: its root is you. Lesson 08 has the whole of it.

use std::fs;

use ground::Result;
use ground::call::doing;
use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::unistd::{getegid, geteuid};

use crate::part::{Child, Part};

/// A user namespace in which user and group 0 are the caller's. See user_namespaces(7).
pub struct UserNamespace;

impl Part for UserNamespace {
    fn namespaces(&self) -> CloneFlags {
        CloneFlags::CLONE_NEWUSER
    }

    /// Written from outside while the child waits: inside, nobody is anybody yet.
    fn attach(&mut self, child: &Child) -> Result<()> {
        // Without privilege a group map may be written only after setgroups(2) was given up.
        write_map(child, "setgroups", "deny")?;
        write_map(child, "uid_map", &format!("0 {} 1\n", geteuid()))?;
        write_map(child, "gid_map", &format!("0 {} 1\n", getegid()))
    }
}

/// Writes `uid_map`, `gid_map` or `setgroups` of a process that waits at the gate, all lines at once: the kernel takes one
/// write.
pub fn write_map(child: &Child, file: &str, text: &str) -> Result<()> {
    let shown = child.process().file(file);
    let lines = text.trim_end().replace('\n', ", ");
    doing(format_args!("write \"{lines}\" to {shown}"))
        .like_args(format_args!("echo {lines} > {shown}"))
        .hint(
            Errno::EPERM,
            "the map holds an ID that the writer may not give away, or was written before",
        )
        .run(|| fs::write(format!("/proc/{}/{file}", child.pid()), text))
}
