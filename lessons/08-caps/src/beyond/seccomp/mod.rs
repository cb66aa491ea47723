//! From a profile in JSON to programs of classic BPF.
//!
//! ```text
//! text ── profile::Profile ── conditions::applies (capabilities, architecture, kernel) ── compile ── programs
//! ```

mod compile;
mod conditions;
pub mod names;
pub mod profile;

pub use compile::{Compiled, Unknown, compile};
pub use conditions::Surroundings;
pub use profile::Profile;
