//! The whole runtime: the lessons, composed, and the commands around them that people know.
//!
//! | to … | look at |
//! | --- | --- |
//! | make a box from a command line, first, again, or for a guest | [`compose`] |
//! | know what is on disk, and what of it is true | [`record`], [`boxed`], [`store`] |
//! | run in the foreground, with nobody in between | [`foreground`] |
//! | keep what it is made of: image, layers | [`made_of`] |
//! | run in the background, or in a terminal of its own | [`monitor`], [`terminal`] |
//! | be attached to it | [`attach`], and `guardian`, which puts the terminal right |
//! | find a command: `ps`, `exec`, `logs` … | [`verbs`] |

pub mod attach;
pub mod boxed;
pub mod compose;
pub mod flags;
pub mod foreground;
mod guardian;
pub mod joined;
pub mod line;
pub mod log_opt;
pub mod made_of;
pub mod monitor;
pub mod names;
pub mod record;
pub mod store;
mod sys;
pub mod terminal;
mod users;
pub mod verbs;
pub mod when;

pub use compose::PartsList;
pub use verbs::Verbs;
pub use verbs::run::run;
