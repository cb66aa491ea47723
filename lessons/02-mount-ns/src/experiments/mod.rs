//! One experiment per file.

mod copy_of_mounts;
mod fresh_proc;
mod mounters_proc;
mod own_tree;
mod propagation;
mod read_only_volume;
mod stale_proc;

use ground::lesson::Experiment;

/// All, in reading order.
pub const ALL: &[Experiment] = &[
    copy_of_mounts::EXPERIMENT,
    propagation::EXPERIMENT,
    stale_proc::EXPERIMENT,
    fresh_proc::EXPERIMENT,
    own_tree::EXPERIMENT,
    mounters_proc::EXPERIMENT,
    read_only_volume::EXPERIMENT,
];
