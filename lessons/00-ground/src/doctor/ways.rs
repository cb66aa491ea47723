//! Two ways to run a lesson: as root, and in a user namespace of an ordinary user. Each need is looked at for both.

use std::collections::{BTreeMap, BTreeSet};

use nix::errno::Errno;
use nix::unistd::getuid;

use super::distribution::Distribution;
use super::{Finding, Group, Status, every_lesson, number, privileges};
use crate::needs::controllers::{Controller, Layout};
use crate::needs::trial::Who;
use crate::needs::{Need, Probe};

/// How it stands with one need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Met {
    /// Root has it. Root itself tried; for an ordinary user this is what can be seen from outside.
    pub as_root: bool,
    /// `--rootless` has it, or the errno that it got.
    pub rootless: Result<(), Option<Errno>>,
}

/// How it stands with every need.
#[derive(Clone, Debug)]
pub struct Ways {
    met: BTreeMap<Need, Met>,
    /// Whether this process is root.
    pub is_root: bool,
    /// Whether sudo could make it root.
    pub has_sudo: bool,
}

impl Ways {
    /// Looks at every need, both ways.
    pub fn try_all() -> Ways {
        let (is_root, has_sudo) = (getuid().is_root(), privileges::sudo().is_ok());
        let layout = Layout::read().unwrap_or_default();
        let rootless = try_rootless(Need::UserNamespaces);
        let met = |need: &Need| (*need, met(*need, is_root, rootless, &layout));
        Ways { met: Need::ALL.iter().map(met).collect(), is_root, has_sudo }
    }

    /// How it stands with one need.
    pub fn of(&self, need: Need) -> Met {
        self.met[&need]
    }

    fn root_at_hand(&self) -> bool {
        self.is_root || self.has_sudo
    }

    /// The line of the diagnosis for a need.
    pub fn finding(&self, group: Group, need: Need, distribution: &Distribution) -> Finding {
        let met = self.of(need);
        let has = |status| Finding::new(group, need.id(), status, need.what());
        let finding = match (met.as_root, met.rootless) {
            (true, Err(_)) if !self.root_at_hand() => {
                has(Status::Missing).remedy("become root: su -")
            }
            (true, Err(_)) if !self.is_root => has(Status::Limited).remedy("run with sudo"),
            (true, _) => has(Status::Ok),
            (false, Ok(())) if !self.is_root => has(Status::Ok),
            _ => has(Status::Missing).remedy(self.remedy(need, distribution)),
        };
        finding.affects(need.lessons())
    }

    /// What to do for a need that is not met. Root that may not even make namespaces is root of a container.
    fn remedy(&self, need: Need, distribution: &Distribution) -> String {
        let held_back = self.is_root && !self.of(Need::Admin).as_root;
        match need.probe() {
            Probe::Privilege(_) | Probe::Try(..) if held_back => {
                "run on the host, or start this container with --privileged".into()
            }
            _ => distribution.remedy(need),
        }
    }

    /// The lessons that can be run each way, and the exit status.
    pub fn lessons(&self) -> (Vec<Finding>, u8) {
        let root = match self.root_at_hand() {
            true => self.lacking(|met| met.as_root),
            false => no_way("root"),
        };
        let rootless = match self.of(Need::UserNamespaces).rootless {
            Ok(()) => self.lacking(|met| met.rootless.is_ok()),
            Err(_) => no_way(Need::UserNamespaces.id()),
        };
        let can = every_lesson();
        let some = can.iter().filter(|l| root[*l].is_empty() || rootless[*l].is_empty()).count();
        let status = if some == can.len() { 0 } else { 2 - u8::from(some > 0) };
        let how = if self.has_sudo && !self.is_root { "through sudo" } else { "as root" };
        (vec![line("as-root", how, &root), line("rootless", "with --rootless", &rootless)], status)
    }

    /// For each lesson, the essential needs that are not met.
    fn lacking(&self, is_met: impl Fn(&Met) -> bool) -> BTreeMap<u8, Vec<&'static str>> {
        let lacking = |lesson: u8| {
            let essential = |need: &&Need| need.is_essential() && need.lessons().contains(&lesson);
            let needs = Need::ALL.iter().filter(essential);
            needs.filter(|need| !is_met(&self.met[need])).map(|need| need.id()).collect()
        };
        every_lesson().into_iter().map(|lesson| (lesson, lacking(lesson))).collect()
    }
}

fn no_way(lacking: &'static str) -> BTreeMap<u8, Vec<&'static str>> {
    every_lesson().into_iter().map(|lesson| (lesson, vec![lacking])).collect()
}

fn line(id: &str, how: &str, lacking: &BTreeMap<u8, Vec<&'static str>>) -> Finding {
    let list = |lessons: &[u8]| lessons.iter().map(|l| number(*l)).collect::<Vec<_>>().join(" ");
    let (can, cannot): (Vec<u8>, Vec<u8>) =
        lacking.keys().partition(|lesson| lacking[lesson].is_empty());
    let needs: BTreeSet<&str> = cannot.iter().flat_map(|lesson| lacking[lesson].clone()).collect();
    let needs = needs.into_iter().collect::<Vec<_>>().join(" ");
    let (status, what) = match (can.is_empty(), cannot.is_empty()) {
        (_, true) => (Status::Ok, format!("{how}: every lesson")),
        (true, _) => (Status::Missing, format!("{how}: no lesson, for want of {needs}")),
        _ => {
            let (can, cannot) = (list(&can), list(&cannot));
            (Status::Limited, format!("{how}: lessons {can}; not {cannot}, for want of {needs}"))
        }
    };
    Finding::new(Group::Lessons, id, status, what).affects(&cannot)
}

fn met(need: Need, is_root: bool, user: Result<(), Option<Errno>>, layout: &Layout) -> Met {
    match need.probe() {
        Probe::Kernel(_) => {
            let met = need.is_met();
            Met { as_root: met, rootless: met.then_some(()).ok_or(None) }
        }
        Probe::Privilege(_) => {
            let as_root = if is_root { need.is_met() } else { privileges::root_would_have(need) };
            Met { as_root, rootless: if need == Need::Admin { user } else { Err(None) } }
        }
        Probe::Try(trial, seen) => {
            let rootless = user.and_then(|()| trial.attempt(Who::Ordinary).map_err(Some));
            let as_root = match is_root {
                true => trial.attempt(Who::Caller).is_ok(),
                false => rootless.is_ok() || seen(),
            };
            Met { as_root, rootless }
        }
        Probe::Controller(controller) => of_controller(*controller, is_root, user, layout),
    }
}

fn of_controller(
    controller: Controller,
    is_root: bool,
    user: Result<(), Option<Errno>>,
    layout: &Layout,
) -> Met {
    let usable = layout.usable(controller).is_some();
    let there = layout.hierarchy(controller).is_some();
    // Of the delegation to other users root sees nothing: it depends on the group they are in.
    let delegated = if usable && !is_root { Ok(()) } else { Err(Some(Errno::EACCES)) };
    Met { as_root: if is_root { usable } else { there }, rootless: user.and(delegated) }
}

fn try_rootless(need: Need) -> Result<(), Option<Errno>> {
    match need.probe() {
        Probe::Try(trial, _) => trial.attempt(Who::Ordinary).map_err(Some),
        _ => Err(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ways(is_root: bool, has_sudo: bool, of: impl Fn(Need) -> Met) -> Ways {
        let met = Need::ALL.iter().map(|need| (*need, of(*need))).collect();
        Ways { met, is_root, has_sudo }
    }

    const BOTH: Met = Met { as_root: true, rootless: Ok(()) };
    const ROOT: Met = Met { as_root: true, rootless: Err(None) };
    const NEITHER: Met = Met { as_root: false, rootless: Err(None) };

    #[test]
    fn everything_there_is_status_0() {
        let (lines, status) = ways(true, false, |_| BOTH).lessons();
        assert_eq!(status, 0);
        assert_eq!(lines[1].what, "with --rootless: every lesson");
    }

    #[test]
    fn without_root_and_user_namespaces_nothing_can_run() {
        let (lines, status) = ways(false, false, |_| ROOT).lessons();
        assert_eq!(status, 2);
        assert_eq!(lines[0].what, "as root: no lesson, for want of root");
    }

    #[test]
    fn one_lesson_that_cannot_run_is_status_1() {
        let (lines, status) =
            ways(true, false, |need| if need == Need::Veth { NEITHER } else { BOTH }).lessons();
        assert_eq!(status, 1);
        assert_eq!(
            lines[0].what,
            "as root: lessons 01 02 03 04 05 07 08 09; not 06, for want of veth"
        );
    }

    #[test]
    fn what_only_root_has_is_limited_for_a_user_with_sudo_and_missing_without() {
        let status = |has_sudo| {
            let ways = ways(false, has_sudo, |_| ROOT);
            ways.finding(Group::Kernel, Need::Overlay, &Distribution::default()).status
        };
        assert_eq!((status(true), status(false)), (Status::Limited, Status::Missing));
    }
}
