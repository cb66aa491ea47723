//! Engine that a first reader may skip.

mod log;
mod watch;

pub use cgroup_cpu::beyond::{Kept, Member};
pub use log::{KernelLog, Victim};
pub use watch::OomWatch;
