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

use clone_pid::Part;
use clone_pid::beyond::{Report, probing};
use ground::lesson::Experiment;
use ground::proc::ns::Namespace;
use ground::text::inode;
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

/// `pid:[4026531836]`, as readlink shows it.
fn link(kind: Namespace, ino: u64) -> String {
    format!("{}:[{}]", kind.file(), inode(ino))
}
