//! Binding a box to some CPUs.

use clone_pid::{Birth, Part};
use ground::Result;
use ground::cgroup::{Controller, Place, Version};
use ground::story::{evidence, notice};
use ground::text::name;
use nix::errno::Errno;

use crate::group::{Group, write};

const LIST: (Errno, &str) = (Errno::EINVAL, "a list like 0-2,5");

// ANCHOR: cpuset
/// The CPUs on which the box may run, and the memory nodes from which it may take. See cpuset(7).
pub struct Cpuset {
    group: Group,
    cpus: Option<String>,
    mems: Option<String>,
}

impl Cpuset {
    /// Lists like `0-2,5`; what is left out stays as around it.
    pub fn new(cpus: Option<String>, mems: Option<String>) -> Cpuset {
        Cpuset { group: Group::default(), cpus, mems }
    }

    /// On these CPUs.
    pub fn cpus(cpus: impl Into<String>) -> Cpuset {
        Cpuset::new(Some(cpus.into()), None)
    }

    /// In this group, and not that of the run.
    pub fn of(self, group: &Group) -> Cpuset {
        Cpuset { group: group.clone(), ..self }
    }
}

impl Part for Cpuset {
    /// In v1 a new group has no CPU and no memory node, and whoever comes gets ENOSPC. So both files are written, before
    /// anybody is born in it. In v2 an empty file means: as around it.
    fn prepare(&mut self) -> Result<()> {
        let place = self.group.make(Controller::CPUSET)?;
        bind(&place, "cpuset.cpus", self.cpus.as_deref())?;
        bind(&place, "cpuset.mems", self.mems.as_deref())
    }

    fn cgroups(&self) -> Result<Vec<Birth>> {
        self.group.births(Controller::CPUSET)
    }

    fn release(&mut self) -> Result<()> {
        self.group.remove(Controller::CPUSET)
    }
}
// ANCHOR_END: cpuset

fn bind(place: &Place, file: &'static str, list: Option<&str>) -> Result<()> {
    let around = place.parent().filter(|_| place.version == Version::V1);
    let list = match (list, around) {
        (Some(list), _) => list.to_string(),
        (None, Some(parent)) => parent.read(file)?,
        (None, None) => return Ok(()),
    };
    write(place, file, name(&list), LIST).map_err(|e| match e.errno() {
        Some(Errno::ERANGE | Errno::EACCES | Errno::ENODEV) => {
            e.remedy("not all of them are there, or the group around this one does not have them")
        }
        Some(Errno::EINVAL) => e.remedy("a list like 0-2,5 of what the group around it has"),
        _ => e,
    })?;
    effective(place, file, &list)
}

/// v2 takes any list, and uses what the group around it has of that: all of it, when that is nothing.
fn effective(place: &Place, file: &str, asked: &str) -> Result<()> {
    let reads = match place.version {
        Version::V1 => file.to_string(),
        Version::V2 => format!("{file}.effective"),
    };
    let got = place.read(&reads)?;
    evidence(place.shown(&reads), name(&got));
    if numbers(asked) != numbers(&got) {
        notice(format!("{file}: {} was asked for, in effect is {}", name(asked), name(got)));
    }
    Ok(())
}

/// No kernel is built for so many CPUs or memory nodes.
const MOST: u32 = 1 << 16;

/// The members of a list: `0-2,5` is 0, 1, 2, 5. `None` when it is no list.
pub(crate) fn numbers(list: &str) -> Option<Vec<u32>> {
    let mut all = Vec::new();
    for range in list.split(',').map(str::trim).filter(|range| !range.is_empty()) {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let (from, to): (u32, u32) = (from.parse().ok()?, to.parse().ok()?);
        if to < from || to >= MOST {
            return None;
        }
        all.extend(from..=to);
    }
    all.sort_unstable();
    all.dedup();
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_ranges_and_numbers() {
        assert_eq!(numbers("0-2,5"), Some(vec![0, 1, 2, 5]));
        assert_eq!(numbers("1,0"), numbers("0-1"));
        assert_eq!(numbers("2-1"), None);
        assert_eq!(numbers("x"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_list_panics(list in "\\PC*") {
            numbers(&list);
        }
    }
}
