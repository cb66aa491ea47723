//! Cgroup hierarchies: where they are, and what the files of a group say. See cgroups(7).
//!
//! A controller is in one hierarchy of the host: in v1 it has one of its own, or shares it with another; in v2 there is one
//! for all. Which, and where, is read from `/proc/self/mountinfo` and never assumed. Nothing here makes or changes a group:
//! lesson 04 does, and [`crate::host`] removes what a dead run left.

mod place;
mod stat;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::sync::OnceLock;

pub use crate::needs::controllers::{Controller, Layout, words};
pub use place::{Place, Version};
pub use stat::{CpuStat, Frozen};

use crate::error::{Error, Result};

impl Controller {
    /// CPU time used. In v2 every group counts it, whether it has the controller or not.
    pub const CPUACCT: Controller = Controller { v1: "cpuacct", v2: None };

    /// Which devices may be opened and made. v2 has no controller for it: a BPF program can be attached to any group.
    pub const DEVICES: Controller = Controller { v1: "devices", v2: None };

    /// What v2's `cgroup.controllers` and `cgroup.subtree_control` call it; `None` when it is a part of every group.
    pub fn in_v2(self) -> Option<&'static str> {
        self.v2
    }
}

/// The mounted hierarchies, read once.
pub fn layout() -> Result<&'static Layout> {
    static LAYOUT: OnceLock<Layout> = OnceLock::new();
    if let Some(layout) = LAYOUT.get() {
        return Ok(layout);
    }
    let layout = Layout::read()?;
    Ok(LAYOUT.get_or_init(|| layout))
}

/// Whether a controller can be used here, and in which version.
pub fn version(controller: Controller) -> Option<Version> {
    let mount = layout().ok()?.hierarchy(controller)?;
    Some(Version::of(mount))
}

/// The group below which boxes get theirs: the topmost one, or that which was delegated to this user. Never the caller's
/// own, which may have limits that are not ours. Looked for once.
pub fn parent(controller: Controller) -> Result<Place> {
    thread_local! {
        static FOUND: RefCell<BTreeMap<&'static str, Place>> = RefCell::default();
    }
    let found = FOUND.with_borrow(|found| found.get(controller.v1).cloned());
    found.map_or_else(
        || {
            let layout = layout()?;
            let mount = layout.hierarchy(controller).ok_or_else(|| missing(controller))?;
            let dir = layout.usable(controller).ok_or_else(|| closed(controller))?;
            let place = Place::new(dir, mount);
            FOUND.with_borrow_mut(|found| found.insert(controller.v1, place.clone()));
            Ok(place)
        },
        Ok,
    )
}

/// The group `path` of the hierarchy that has the controller, counted from the root that is mounted.
pub fn below(controller: Controller, path: &Path) -> Result<Place> {
    let mount = layout()?.hierarchy(controller).ok_or_else(|| missing(controller))?;
    let inside = path.strip_prefix("/").unwrap_or(path);
    if inside.components().any(|part| !matches!(part, Component::Normal(_))) {
        let what = format!("cgroup {}: a path below the root, without ..", path.display());
        return Err(Error::usage(what));
    }
    Ok(Place::new(mount.point.join(inside), mount))
}

fn missing(controller: Controller) -> Error {
    Error::environment(format!("no mounted cgroup hierarchy has the {} controller", controller.v1))
        .remedy("/proc/cgroups lists what the kernel has; `cargo xtask doctor` tells more")
}

fn closed(controller: Controller) -> Error {
    let what = format!("no cgroup with the {} controller may be made by this user", controller.v1);
    Error::environment(what).remedy(
        "run with sudo; on a host with cgroup v2 and systemd an ordinary user gets a group of its own \
         by systemd-run --user --scope -p Delegate=yes COMMAND",
    )
}
