//! One experiment per file.

mod adopted;
mod adoption;
mod blind_spots;
mod exec_parent;
mod forwarding;
mod from_host;
mod from_inside;
mod graceful;
mod handlers;
mod init_in_front;
mod kill_a_zombie;
mod kill_nine;
mod last_breath;
mod load;
mod lost_status;
mod matrix;
mod no_parent;
mod reaping;
mod remains;
mod shell_handlers;
mod states;
mod stop;
mod term_from_host;
mod uncatchable;
mod unnoticed;
mod wait_blocks;
mod who_listens;

use ground::lesson::Experiment;

/// All, in reading order.
pub const ALL: &[Experiment] = &[
    from_inside::EXPERIMENT,
    kill_nine::EXPERIMENT,
    from_host::EXPERIMENT,
    adopted::EXPERIMENT,
    last_breath::EXPERIMENT,
    graceful::EXPERIMENT,
    term_from_host::EXPERIMENT,
    matrix::EXPERIMENT,
    uncatchable::EXPERIMENT,
    blind_spots::EXPERIMENT,
    handlers::EXPERIMENT,
    shell_handlers::EXPERIMENT,
    who_listens::EXPERIMENT,
    init_in_front::EXPERIMENT,
    forwarding::EXPERIMENT,
    reaping::EXPERIMENT,
    lost_status::EXPERIMENT,
    stop::EXPERIMENT,
    unnoticed::EXPERIMENT,
    remains::EXPERIMENT,
    kill_a_zombie::EXPERIMENT,
    wait_blocks::EXPERIMENT,
    adoption::EXPERIMENT,
    no_parent::EXPERIMENT,
    exec_parent::EXPERIMENT,
    states::EXPERIMENT,
    load::EXPERIMENT,
];
