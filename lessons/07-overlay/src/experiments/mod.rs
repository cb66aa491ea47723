//! One experiment per file.

mod buffered;
mod copy_up;
mod dockerfile_layers;
mod file_systems;
mod hard_links;
mod hostile_layer;
mod image_layout;
mod image_root;
mod last_cmd;
mod lower_stays;
mod many_lowers;
mod page_cache;
mod project_quota;
mod read_only;
mod rename;
mod roles;
mod same_name;
mod shared_base;
mod storage_limit;
mod throttle;
mod underneath;
mod union;
mod v1_buffered;
mod v2_writeback;
mod whiteout;
mod workdir;

use ground::lesson::Experiment;

/// All, in reading order.
pub const ALL: &[Experiment] = &[
    roles::EXPERIMENT,
    same_name::EXPERIMENT,
    copy_up::EXPERIMENT,
    whiteout::EXPERIMENT,
    shared_base::EXPERIMENT,
    image_root::EXPERIMENT,
    image_layout::EXPERIMENT,
    dockerfile_layers::EXPERIMENT,
    last_cmd::EXPERIMENT,
    hostile_layer::EXPERIMENT,
    union::EXPERIMENT,
    read_only::EXPERIMENT,
    lower_stays::EXPERIMENT,
    workdir::EXPERIMENT,
    file_systems::EXPERIMENT,
    many_lowers::EXPERIMENT,
    rename::EXPERIMENT,
    hard_links::EXPERIMENT,
    underneath::EXPERIMENT,
    page_cache::EXPERIMENT,
    storage_limit::EXPERIMENT,
    project_quota::EXPERIMENT,
    throttle::EXPERIMENT,
    buffered::EXPERIMENT,
    v1_buffered::EXPERIMENT,
    v2_writeback::EXPERIMENT,
];
