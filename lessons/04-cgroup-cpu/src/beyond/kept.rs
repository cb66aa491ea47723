//! A group that somebody keeps, for boxes that come and go in it.

use clone_pid::{Birth, Part};
use ground::Result;
use ground::cgroup::{Controller, Place};
use ground::story::muted;

use crate::Group;

/// Made now, removed in every hierarchy when dropped.
pub struct Kept {
    /// For parts of boxes.
    pub group: Group,
    controllers: Vec<Controller>,
}

impl Kept {
    /// Made in the hierarchies of these controllers. What v1 needs beside to count CPU time is not told.
    pub fn make(word: &str, controllers: &[Controller]) -> Result<Kept> {
        let mut kept = Kept { group: Group::named(word), controllers: controllers.to_vec() };
        controllers.iter().try_for_each(|c| kept.group.make(*c).map(drop))?;
        if controllers.contains(&Controller::CPU) {
            kept.controllers.push(Controller::CPUACCT);
            muted(|| kept.group.make(Controller::CPUACCT))?;
        }
        Ok(kept)
    }

    /// One for the CPU.
    pub fn cpu(word: &str) -> Result<Kept> {
        Kept::make(word, &[Controller::CPU])
    }

    /// One for memory.
    pub fn memory(word: &str) -> Result<Kept> {
        Kept::make(word, &[Controller::MEMORY])
    }

    /// One for tasks.
    pub fn pids(word: &str) -> Result<Kept> {
        Kept::make(word, &[Controller::PIDS])
    }

    /// Where it is, in the hierarchy for which it was made first.
    pub fn place(&self) -> Result<Place> {
        self.group.place(self.controllers[0])
    }

    /// The part of a box that is born in it, and leaves it as it is.
    pub fn member(&self) -> Member {
        Member { group: self.group.clone(), controllers: self.controllers.clone() }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // What cannot be removed now is found by `clean`.
        self.controllers.iter().rev().for_each(|c| drop(muted(|| self.group.remove(*c))));
    }
}

/// A box in a group that outlives it.
pub struct Member {
    group: Group,
    controllers: Vec<Controller>,
}

impl Part for Member {
    fn cgroups(&self) -> Result<Vec<Birth>> {
        let births: Result<Vec<_>> =
            self.controllers.iter().map(|c| self.group.births(*c)).collect();
        Ok(births?.into_iter().flatten().collect())
    }
}
