//! Engine that a first reader may skip.

pub mod destination;
pub mod mapped;
pub mod nodes;
pub mod spec;
