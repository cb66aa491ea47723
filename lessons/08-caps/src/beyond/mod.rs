//! Engine that a first reader may skip.

pub mod device_program;
pub mod idmap;
pub mod rootless;
pub mod seccomp;
