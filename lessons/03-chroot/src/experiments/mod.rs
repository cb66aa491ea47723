//! One experiment per file.

mod above_root;
mod chdir_first;
mod descriptor_handed_in;
mod device_nodes;
mod early_detach;
mod exec_lands;
mod old_root_gone;
mod one_file;
mod two_ways_out;

use ground::lesson::Experiment;

/// All, in reading order.
pub const ALL: &[Experiment] = &[
    chdir_first::EXPERIMENT,
    two_ways_out::EXPERIMENT,
    exec_lands::EXPERIMENT,
    one_file::EXPERIMENT,
    old_root_gone::EXPERIMENT,
    descriptor_handed_in::EXPERIMENT,
    early_detach::EXPERIMENT,
    above_root::EXPERIMENT,
    device_nodes::EXPERIMENT,
];
