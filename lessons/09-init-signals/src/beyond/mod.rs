//! Engine that a first reader may skip.

mod alone;
pub mod runtime;

pub use alone::alone;
