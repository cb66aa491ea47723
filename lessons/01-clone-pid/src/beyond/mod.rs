//! Engine that a first reader may skip.

mod optional;
mod probing;
mod time;
mod user;

pub use probing::{Report, boxed, probing};
pub use time::TimeNamespace;
pub use user::{UserNamespace, write_map};
