//! One experiment per file.

mod attach_cost;
mod bandwidth_files;
mod cpuset;
mod docker_flags;
mod freeze;
mod group_files;
mod hierarchies;
mod kubernetes;
mod members;
mod more_than_one;
mod one_or_many;
mod one_thread;
mod quota;
mod tree;
mod unlimited;
mod usage;
mod weight;
mod what_counts;
mod what_files_hold;

use ground::lesson::Experiment;

/// All, in reading order.
pub const ALL: &[Experiment] = &[
    unlimited::EXPERIMENT,
    quota::EXPERIMENT,
    weight::EXPERIMENT,
    group_files::EXPERIMENT,
    members::EXPERIMENT,
    one_or_many::EXPERIMENT,
    hierarchies::EXPERIMENT,
    what_files_hold::EXPERIMENT,
    one_thread::EXPERIMENT,
    tree::EXPERIMENT,
    bandwidth_files::EXPERIMENT,
    docker_flags::EXPERIMENT,
    more_than_one::EXPERIMENT,
    kubernetes::EXPERIMENT,
    what_counts::EXPERIMENT,
    usage::EXPERIMENT,
    cpuset::EXPERIMENT,
    freeze::EXPERIMENT,
    attach_cost::EXPERIMENT,
];
