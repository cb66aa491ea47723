//! Engine that a first reader may skip.

pub mod diff;
pub mod image;
pub mod lookup;
pub mod picture;
pub mod source;
pub mod traffic;
