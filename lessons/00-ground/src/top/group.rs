//! A group by its files, in v1 and v2.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::look::{Counters, Used};
use super::read::{field, number, text};
use crate::card::limits::{self, View};
use crate::cgroup::{Controller, layout};
use crate::host::PREFIX;
use crate::host::network::shared_name;

/// The controllers that count.
const CONTROLLERS: [Controller; 4] =
    [Controller::CPU, Controller::CPUACCT, Controller::MEMORY, Controller::PIDS];

/// A group in the hierarchies in which it exists.
pub(super) struct Group {
    pub name: String,
    /// By the controller's name in v1: where the hierarchy is mounted, and the group in it.
    dirs: BTreeMap<&'static str, [PathBuf; 2]>,
}

impl Group {
    /// The group of a process.
    pub fn of(view: &View) -> Group {
        let found = CONTROLLERS.iter().filter_map(|controller| {
            let (root, dir) = view.directory(controller.v1)?;
            Some((controller.v1, [root.to_path_buf(), dir]))
        });
        Group { name: String::new(), dirs: found.collect() }
    }

    /// The processes in it, in whatever hierarchy.
    pub fn members(&self) -> BTreeSet<i32> {
        let lists = self.dirs.values().filter_map(|[_, dir]| text(&dir.join("cgroup.procs")));
        lists.flat_map(|text| pids(&text)).collect()
    }

    fn dir(&self, controller: Controller) -> Option<&PathBuf> {
        self.dirs.get(controller.v1).map(|[_, dir]| dir)
    }

    /// What it counts.
    pub fn counters(&self) -> Counters {
        let cpu = self.dir(Controller::CPUACCT).and_then(|dir| {
            let v1 = number(&dir.join("cpuacct.usage")).map(Duration::from_nanos);
            let v2 = || field(dir.join("cpu.stat"), "usage_usec").map(Duration::from_micros);
            v1.or_else(v2)
        });
        let memory = self.dir(Controller::MEMORY).and_then(|dir| {
            let v1 = number(&dir.join("memory.usage_in_bytes"));
            v1.or_else(|| number(&dir.join("memory.current")))
        });
        let tasks = self.dir(Controller::PIDS).and_then(|dir| number(&dir.join("pids.current")));
        Counters { cpu, memory, tasks }
    }

    /// The tightest on the way up.
    pub fn limit(&self) -> Used {
        let of = |controller: Controller, read: fn(&Path) -> Option<f64>| {
            let [root, dir] = self.dirs.get(controller.v1)?;
            limits::tightest(root, dir, read)
        };
        Used {
            cpu: of(Controller::CPU, limits::cpus).map(|cpus| cpus * 100.0),
            memory: of(Controller::MEMORY, limits::memory).map(|bytes| bytes as u64),
            tasks: of(Controller::PIDS, limits::pids).map(|tasks| tasks as u64),
        }
    }
}

/// Every group with the kit's prefix, this user's first.
pub(super) fn all() -> Vec<Group> {
    let Ok(layout) = layout() else { return Vec::new() };
    let mut found: BTreeMap<String, Group> = BTreeMap::new();
    for controller in CONTROLLERS {
        let Some(mount) = layout.hierarchy(controller) else { continue };
        let mut dirs = Vec::new();
        search(&mount.point, &mut dirs);
        for dir in dirs {
            let name = dir.strip_prefix(&mount.point).unwrap_or(&dir).display().to_string();
            let group = found.entry(name.clone());
            let group = group.or_insert_with(|| Group { name, dirs: BTreeMap::new() });
            group.dirs.insert(controller.v1, [mount.point.clone(), dir]);
        }
    }
    let (own, others): (Vec<_>, Vec<_>) =
        found.into_values().partition(|group| is_of(&group.name, &shared_name()));
    own.into_iter().chain(others).collect()
}

/// Whether the group's name, the last of its path, is that of a run of `user`, `bxw-UID`.
fn is_of(group: &str, user: &str) -> bool {
    let name = group.rsplit('/').next().unwrap_or_default();
    name.strip_prefix(user).is_some_and(|rest| rest.starts_with('-'))
}

/// Groups in a box's group are that box's.
fn search(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        match name.starts_with(PREFIX) {
            // Where a lesson in a delegated group stands aside.
            true if name.ends_with("-lesson") => {}
            true => found.push(entry.path()),
            false => search(&entry.path(), found),
        }
    }
}

fn pids(text: &str) -> Vec<i32> {
    text.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 0).collect()
}
