//! One experiment per file.

mod cpus_seen;
mod first_toucher;
mod fork_refused;
mod killer_off;
mod kubernetes;
mod lxcfs;
mod malloc;
mod memory_high;
mod oom_kill;
mod oom_notice;
mod overcommit;
mod own_group;
mod page_cache;
mod page_cache_rss;
mod page_cache_warm;
mod parent_limit;
mod pid_max;
mod pids_limit;
mod resource_view;
mod resource_view_usage;
mod rounding;
mod swap;
mod swap_limit;
mod swap_load;
mod swap_never;
mod swappiness;
mod swappiness_ratio;
mod swappiness_zero;
mod usage_is_a_sum;
mod victim;
mod what_is_charged;
mod whose_limit;
mod zombies;

use ground::lesson::Experiment;

/// All, in reading order.
pub const ALL: &[Experiment] = &[
    malloc::EXPERIMENT,
    page_cache::EXPERIMENT,
    oom_kill::EXPERIMENT,
    what_is_charged::EXPERIMENT,
    pids_limit::EXPERIMENT,
    resource_view::EXPERIMENT,
    whose_limit::EXPERIMENT,
    parent_limit::EXPERIMENT,
    rounding::EXPERIMENT,
    usage_is_a_sum::EXPERIMENT,
    first_toucher::EXPERIMENT,
    page_cache_rss::EXPERIMENT,
    page_cache_warm::EXPERIMENT,
    overcommit::EXPERIMENT,
    victim::EXPERIMENT,
    kubernetes::EXPERIMENT,
    killer_off::EXPERIMENT,
    oom_notice::EXPERIMENT,
    memory_high::EXPERIMENT,
    swap::EXPERIMENT,
    swap_limit::EXPERIMENT,
    swap_never::EXPERIMENT,
    swappiness::EXPERIMENT,
    swappiness_ratio::EXPERIMENT,
    swappiness_zero::EXPERIMENT,
    zombies::EXPERIMENT,
    fork_refused::EXPERIMENT,
    own_group::EXPERIMENT,
    pid_max::EXPERIMENT,
    resource_view_usage::EXPERIMENT,
    cpus_seen::EXPERIMENT,
    lxcfs::EXPERIMENT,
];
