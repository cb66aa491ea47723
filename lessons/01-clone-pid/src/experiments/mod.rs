//! One experiment per file; here what they share.

mod create_start;
mod doors;
mod eight_kinds;
mod fork_exec;
mod hostname;
mod namespace_effects;
mod no_object;
mod no_overhead;
mod one_kernel;
mod one_set;
mod pid_one;
mod still_shared;

use std::collections::HashMap;

use clone_pid::{Container, Part, Running};
use ground::lesson::Experiment;
use ground::proc::ns::Namespace;
use ground::rootfs::probe;
use ground::text::inode;
use ground::{Error, Result};
use nix::sched::CloneFlags;

/// All, in reading order.
pub const ALL: &[Experiment] = &[
    pid_one::EXPERIMENT,
    hostname::EXPERIMENT,
    one_set::EXPERIMENT,
    one_kernel::EXPERIMENT,
    no_object::EXPERIMENT,
    doors::EXPERIMENT,
    eight_kinds::EXPERIMENT,
    namespace_effects::EXPERIMENT,
    fork_exec::EXPERIMENT,
    no_overhead::EXPERIMENT,
    still_shared::EXPERIMENT,
    create_start::EXPERIMENT,
];

/// Any one namespace as a part, for experiments that look at one kind alone.
struct Only(Namespace);

impl Part for Only {
    fn namespaces(&self) -> CloneFlags {
        self.0.flag()
    }
}

/// A box without parts that runs probe verbs, its output captured.
fn probing(script: &str) -> Result<Container> {
    Container::new(&[probe()?.as_os_str(), "script".as_ref(), script.as_ref()])?.capture()
}

/// The `key value` lines that the probe prints.
struct Report(HashMap<String, String>);

impl Report {
    /// Runs the box to its end.
    fn of(container: Container) -> Result<Report> {
        let output = container.start()?.output()?;
        Ok(Report::parse(&output.text))
    }

    /// Reads lines up to and including the one whose key is `last`, from a box that goes on running.
    fn until(running: &mut Running, last: &str) -> Result<Report> {
        let mut text = String::new();
        while let Some(line) = running.line()? {
            let done = line.split(' ').next() == Some(last);
            text += &(line + "\n");
            if done {
                break;
            }
        }
        Ok(Report::parse(&text))
    }

    fn parse(text: &str) -> Report {
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        Report(pairs.map(|(key, value)| (key.to_string(), value.to_string())).collect())
    }

    fn get(&self, key: &str) -> Result<&str> {
        let missing = || Error::environment(format!("the probe printed no {key}"));
        self.0.get(key).map(String::as_str).ok_or_else(missing)
    }
}

/// `pid:[4026531836]`, as readlink shows it.
fn link(kind: Namespace, ino: u64) -> String {
    format!("{}:[{}]", kind.file(), inode(ino))
}
