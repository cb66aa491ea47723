//! A delegated group, as systemd gives to an ordinary user: in version 2 it can hand controllers on only when no process
//! is in it. The one that is in it is the lesson itself, so it steps aside, into a group of its own, and back at the end.

use std::fs;

use ground::call::quietly;
use ground::cgroup::{Place, words};
use ground::host::PREFIX;
use ground::lesson::run_name;
use ground::text::path;
use ground::{Error, Result};

/// Where the lesson stands meanwhile.
fn leaf(parent: &Place) -> Place {
    parent.child(format!("{}-lesson", run_name()))
}

/// Leaves `parent`, if it is in it. The root group, which has no type, may have processes and hand controllers on.
pub fn step_aside(parent: &Place) -> Result<()> {
    let inside = match parent.dir.join("cgroup.type").exists() {
        true => parent.processes()?,
        false => return Ok(()),
    };
    let own = std::process::id() as i32;
    match inside[..] {
        [] => Ok(()),
        [only] if only.as_raw() == own => enter(&leaf(parent)),
        _ => {
            let what = format!("processes are in cgroup {}", path(parent.dir.display()));
            Err(Error::environment(what).remedy(
                "in v2 it can then hand no controllers on; name an empty one by --cgroup-parent, or give the lesson its \
                 own: systemd-run --user --scope -p Delegate=yes COMMAND",
            ))
        }
    }
}

fn enter(leaf: &Place) -> Result<()> {
    quietly(format_args!("mkdir {}", path(leaf.dir.display())))
        .run(|| fs::create_dir(&leaf.dir))?;
    go(leaf)
}

fn go(to: &Place) -> Result<()> {
    quietly(format_args!("write 0 to {}", to.shown("cgroup.procs")))
        .run(|| fs::write(to.dir.join("cgroup.procs"), "0"))
}

/// Comes back when the last group of this run is gone from `parent`.
pub fn step_back(parent: &Place) -> Result<()> {
    let leaf = leaf(parent);
    if !leaf.dir.is_dir() || has_boxes(parent) {
        return Ok(());
    }
    let file = "cgroup.subtree_control";
    for name in words(&parent.dir.join(file)) {
        quietly(format_args!("write -{name} to {}", parent.shown(file)))
            .run(|| fs::write(parent.dir.join(file), format!("-{name}")))?;
    }
    go(parent)?;
    quietly(format_args!("rmdir {}", path(leaf.dir.display()))).run(|| fs::remove_dir(&leaf.dir))
}

/// Whether this or another run of the kit has a group there, the leaf not counted.
fn has_boxes(parent: &Place) -> bool {
    let leaf = leaf(parent).dir;
    let entries = fs::read_dir(&parent.dir).into_iter().flatten().flatten();
    let ours = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with(PREFIX);
    entries.into_iter().any(|entry| ours(&entry.file_name()) && entry.path() != leaf)
}
