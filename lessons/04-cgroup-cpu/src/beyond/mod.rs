//! Engine that a first reader may skip.

pub(crate) mod aside;
mod kept;

pub use kept::{Kept, Member};
