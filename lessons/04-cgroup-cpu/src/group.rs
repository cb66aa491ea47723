//! A group of a box: made, entered, written to, removed.

use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::beyond::aside::{step_aside, step_back};
use clone_pid::Birth;
use ground::call::{doing, quietly};
use ground::cgroup::{self, Controller, CpuStat, Place, Version, words};
use ground::host::groups;
use ground::lesson::run_name;
use ground::story::{evidence, notice};
use ground::text::{Text, path, pid};
use ground::{Error, Result};
use nix::errno::Errno;
use nix::unistd::Pid;

/// The same name in every hierarchy that somebody asks for. It remembers nothing of what it made: a group that is rebuilt
/// from name and parent in another process can be entered and removed as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    name: String,
    parent: Option<PathBuf>,
}

/// The group of this run.
impl Default for Group {
    fn default() -> Group {
        Group { name: run_name().to_string(), parent: None }
    }
}

impl Group {
    /// Another one of this run, when it has several boxes at a time.
    pub fn named(word: &str) -> Group {
        Group { name: format!("{}-{word}", run_name()), parent: None }
    }

    /// Not at the root of each hierarchy, but in this group of it, which must exist.
    pub fn below(self, parent: Option<PathBuf>) -> Group {
        Group { parent, ..self }
    }

    /// Where it is in the hierarchy that has the controller.
    pub fn place(&self, controller: Controller) -> Result<Place> {
        let parent = match &self.parent {
            Some(path) => cgroup::below(controller, path)?,
            None => cgroup::parent(controller)?,
        };
        Ok(parent.child(&self.name))
    }

    // ANCHOR: make
    /// Makes it in that hierarchy, unless a part before has. The kernel fills the directory with the controller's files.
    pub fn make(&self, controller: Controller) -> Result<Place> {
        let place = self.place(controller)?;
        offer(&place, controller)?;
        let dir = path(place.dir.display());
        match fs::create_dir(&place.dir) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists && place.dir.is_dir() => {}
            made => doing(format_args!("mkdir {dir}"))
                .like_args(format_args!("mkdir {dir}"))
                .hint(Errno::ENOENT, "the group around it must exist; see --cgroup-parent")
                .hint(Errno::EROFS, "cgroups are mounted read-only here, as in a container")
                .run(|| made)?,
        }
        Ok(place)
    }

    /// How the first process, or one that joins, is born in it: v2 knows the directory at the moment of the clone; in v1
    /// the child writes itself into `tasks`, before anything else.
    pub fn births(&self, controller: Controller) -> Result<Vec<Birth>> {
        let place = self.place(controller)?;
        Ok(vec![match place.version {
            Version::V1 => Birth::Write(place.dir.join("tasks")),
            Version::V2 => Birth::Into(place.dir),
        }])
    }

    /// Removes it from that hierarchy, with whoever is left in it. Gone already is fine.
    pub fn remove(&self, controller: Controller) -> Result<()> {
        let place = self.place(controller)?;
        let dir = path(place.dir.display());
        match groups::remove(&place.dir) {
            Ok(false) => {}
            removed => doing(format_args!("rmdir {dir}"))
                .like_args(format_args!("rmdir {dir}"))
                .hint(
                    Errno::EBUSY,
                    "a process that cannot be killed is in it; see its cgroup.procs",
                )
                .run(|| removed.map(drop))?,
        }
        match (place.version, place.parent()) {
            (Version::V2, Some(parent)) => step_back(&parent),
            _ => Ok(()),
        }
    }
    // ANCHOR_END: make

    /// What it has used of the CPUs.
    pub fn cpu(&self) -> Result<CpuStat> {
        let cpuacct = self.place(Controller::CPUACCT).ok().filter(|place| place.dir.is_dir());
        CpuStat::of(&self.place(Controller::CPU)?, cpuacct.as_ref())
    }
}

// ANCHOR: offer
/// v2 only: a group has a controller's files when the group around it offers it to its children. At the root that is a
/// change of the host: it gives the other groups files with their defaults, which limit nobody, and it stays, for to take
/// it back would take limits from whoever relies on it by then.
fn offer(place: &Place, controller: Controller) -> Result<()> {
    let (Some(name), Version::V2) = (controller.in_v2(), place.version) else { return Ok(()) };
    let Some(parent) = place.parent() else { return Ok(()) };
    if words(&parent.dir.join("cgroup.subtree_control")).contains(name) {
        return Ok(());
    }
    offer(&parent, controller)?;
    step_aside(&parent)?;
    let (file, word) = ("cgroup.subtree_control", format!("+{name}"));
    quietly(format_args!("write {word} to {}", parent.shown(file)))
        .hint(Errno::EBUSY, "in v2 only the root hands controllers on while processes are in it; name an empty group by --cgroup-parent")
        .hint(Errno::ENOENT, "the group around it must exist; see --cgroup-parent")
        .run(|| fs::write(parent.dir.join(file), &word))
}
// ANCHOR_END: offer

/// Writes a value into a file of a group, in one write(2), as the kernel wants it: without the marks that a story puts
/// around a value that varies. `hint` explains one errno.
pub fn write(
    place: &Place,
    file: &str,
    value: impl Display,
    hint: (Errno, &'static str),
) -> Result<()> {
    write_each(place, file, [value], hint)
}

/// Several values, into a file that takes one at a time.
pub fn write_each(
    place: &Place,
    file: &str,
    values: impl IntoIterator<Item = impl Display>,
    hint: (Errno, &'static str),
) -> Result<()> {
    let (mut opened, how) = (None, OpenOptions::new().write(true).clone());
    values.into_iter().try_for_each(|value| put(&mut opened, &how, place, file, &value, hint))
}

/// [`write`], then reads back what the kernel made of it; a difference is said aloud.
pub fn set(
    place: &Place,
    file: &str,
    value: impl Display,
    hint: (Errno, &'static str),
) -> Result<()> {
    let (mut opened, how) = (None, OpenOptions::new().read(true).write(true).clone());
    put(&mut opened, &how, place, file, &value, hint)?;
    let mut value_read = [0; 4096];
    let length = quietly(format_args!("read {}", place.shown(file)))
        .run(|| opened.map_or(Ok(0), |opened| opened.read_at(&mut value_read, 0)))?;
    let (asked, got) = (value.to_string(), String::from_utf8_lossy(&value_read[..length]));
    let got = got.trim_end();
    evidence(place.shown(file), got);
    if asked != got {
        notice(format!("{file}: {asked} was asked for, the kernel took {got}"));
    }
    Ok(())
}

/// Opens the file unless it is open, and writes.
fn put(
    opened: &mut Option<File>,
    how: &OpenOptions,
    place: &Place,
    file: &str,
    value: &impl Display,
    hint: (Errno, &'static str),
) -> Result<()> {
    let shown = place.shown(file);
    let write = || {
        let file = match opened {
            Some(file) => file,
            none => none.insert(how.open(place.dir.join(file))?),
        };
        file.write_all(Text::from(value.to_string()).text.as_bytes())
    };
    doing(format_args!("write {value} to {shown}"))
        .like_args(format_args!("echo {value} > {shown}"))
        .hint(hint.0, hint.1)
        .hint(Errno::EACCES, "only the owner of the group may write this file; run with sudo")
        .run(write)
}

/// Moves a process, with all its threads.
pub fn move_to(place: &Place, process: Pid) -> Result<()> {
    write(place, "cgroup.procs", pid(process), (Errno::ESRCH, "no such process"))
}

/// A wrong value from the command line.
pub(crate) fn wrong(what: impl Display) -> Error {
    Error::usage(what)
}
