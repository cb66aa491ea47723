//! The smallest user namespace: its root is you. Lesson 08 has the whole of it.

use std::fs;

use ground::Result;
use ground::call::doing;
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
        write(child, "setgroups", "deny")?;
        write(child, "uid_map", &format!("0 {} 1", geteuid()))?;
        write(child, "gid_map", &format!("0 {} 1", getegid()))
    }
}

fn write(child: &Child, file: &str, text: &str) -> Result<()> {
    let shown = child.process().file(file);
    doing(format_args!("write \"{text}\" to {shown}"))
        .like_args(format_args!("echo {text} > {shown}"))
        .run(|| fs::write(format!("/proc/{}/{file}", child.pid()), text))
}
