//! One experiment per file.

mod clock;
mod container_root;
mod default_set;
mod devices;
mod escape_abstract;
mod escape_chroot;
mod escape_disk;
mod escape_handle;
mod escape_leaked_dir;
mod escape_mask_link;
mod escape_proc;
mod escape_ptrace;
mod escape_release_agent;
mod escape_runtime;
mod escapes;
mod five_sets;
mod idmapped;
mod map_rules;
mod nested;
mod no_new_privs;
mod one_privilege;
mod order_capabilities;
mod order_maps;
mod order_seccomp;
mod order_uid;
mod ordinary_user;
mod over_exec;
mod per_user_limits;
mod privileged;
mod root_without;
mod rootless;
mod seccomp_blind;
mod seccomp_cost;
mod seccomp_kill;
mod seccomp_notify;
mod user_namespace;

use ground::lesson::Experiment;

/// All, in reading order.
pub const ALL: &[Experiment] = &[
    five_sets::EXPERIMENT,
    one_privilege::EXPERIMENT,
    default_set::EXPERIMENT,
    seccomp_kill::EXPERIMENT,
    privileged::EXPERIMENT,
    root_without::EXPERIMENT,
    over_exec::EXPERIMENT,
    no_new_privs::EXPERIMENT,
    ordinary_user::EXPERIMENT,
    per_user_limits::EXPERIMENT,
    clock::EXPERIMENT,
    devices::EXPERIMENT,
    seccomp_blind::EXPERIMENT,
    seccomp_cost::EXPERIMENT,
    seccomp_notify::EXPERIMENT,
    user_namespace::EXPERIMENT,
    escapes::EXPERIMENT,
    container_root::EXPERIMENT,
    nested::EXPERIMENT,
    order_seccomp::EXPERIMENT,
    order_capabilities::EXPERIMENT,
    order_uid::EXPERIMENT,
    order_maps::EXPERIMENT,
    map_rules::EXPERIMENT,
    idmapped::EXPERIMENT,
    rootless::EXPERIMENT,
    escape_chroot::EXPERIMENT,
    escape_disk::EXPERIMENT,
    escape_proc::EXPERIMENT,
    escape_handle::EXPERIMENT,
    escape_runtime::EXPERIMENT,
    escape_leaked_dir::EXPERIMENT,
    escape_mask_link::EXPERIMENT,
    escape_release_agent::EXPERIMENT,
    escape_ptrace::EXPERIMENT,
    escape_abstract::EXPERIMENT,
];
