//! Engine that a first reader may skip.

mod kept;
mod log;
mod watch;

pub use kept::{Kept, Member};
pub use log::{KernelLog, Victim};
pub use watch::OomWatch;
