//! The clone itself: from a process with one thread, into new namespaces and a v2 group.

use std::fs;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use ground::call::{doing, quietly};
use ground::proc::ns::{Namespace, flag_names};
use ground::{Error, Result};
use nix::errno::Errno;
use nix::sched::CloneFlags;

use crate::part::Births;
use crate::sys::{self, Cloned};

/// clone3 with these namespaces, into the v2 group if there is one.
pub(crate) fn clone(namespaces: CloneFlags, births: &Births) -> Result<Cloned> {
    assert_single_thread()?;
    // What stands in a buffer now would be written by both sides.
    let _ = std::io::stdout().flush();
    let group = births.group.as_ref().map(AsFd::as_fd);
    doing(format_args!("clone3 {}", flags_word(namespaces)))
        .like_args(format_args!("{}", unshare_command(namespaces)))
        .hint(
            Errno::EINVAL,
            "the kernel was built without one of these namespaces; see /proc/self/ns",
        )
        .run_showing(|| sys::clone3(namespaces, group), Cloned::told)
}

/// See [`sys::clone3`] for why. The link count of `/proc/self/task` is 2 and one for each thread.
fn assert_single_thread() -> Result<()> {
    let task = quietly("stat /proc/self/task").run(|| fs::metadata("/proc/self/task"))?;
    match task.nlink() {
        3 => Ok(()),
        links => {
            let what =
                format!("clone3: refused in a process with {} threads", links.saturating_sub(2));
            Err(Error::environment(what).remedy("start the container from a process of its own"))
        }
    }
}

fn flags_word(namespaces: CloneFlags) -> String {
    match flag_names(namespaces) {
        none if none.is_empty() => "with no new namespace".to_string(),
        names => names,
    }
}

/// The options of unshare(1) and nsenter(1) for these namespaces.
pub(crate) fn options(namespaces: CloneFlags) -> String {
    let kinds = Namespace::ALL.iter().filter(|kind| namespaces.contains(kind.flag()));
    kinds.map(|kind| format!("--{}", kind.long_option())).collect::<Vec<_>>().join(" ")
}

/// The unshare(1) command line for these namespaces.
fn unshare_command(namespaces: CloneFlags) -> String {
    let fork = if namespaces.contains(CloneFlags::CLONE_NEWPID) { "--fork " } else { "" };
    match namespaces.is_empty() {
        true => "COMMAND &".to_string(),
        false => format!("unshare {} {fork}COMMAND", options(namespaces)),
    }
}
