//! Engine that a first reader may skip.

pub(crate) mod aside;
mod bar;

pub use bar::Bar;
