//! Engine that a first reader may skip.

mod time;
mod user;

pub use time::TimeNamespace;
pub use user::UserNamespace;
