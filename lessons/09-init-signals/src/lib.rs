//! Lesson 09: PID 1 and its signals; and, built on all lessons, the whole runtime.
//!
//! The first process of a PID namespace is its init, whatever program it is, and the kernel treats it as one:
//!
//! - A signal for which it has the default action is dropped. From an ancestor namespace `SIGKILL` and `SIGSTOP` pass, from
//!   inside not even those. (`SIGNAL_UNKILLABLE`, see pid_namespaces(7) and `sig_task_ignored` in the kernel's
//!   `kernel/signal.c`.)
//! - Orphans of the namespace become its children. Somebody must wait for them, or they stay zombies.
//! - When it ends, every other process of the namespace gets `SIGKILL`, and no new one can be born.
//!
//! Most applications expect neither the first nor the second. An *init* in front of them does.
//!
//! | to see … | look at |
//! | --- | --- |
//! | the part behind `run --init` | [`Init`] |
//! | the init itself: fork, reap, forward | the crate [`init`] |
//! | what a process does about its signals, as the kernel shows it | [`Handling`] |
//! | a stop with a grace period | [`stop()`] |

pub mod beyond;
pub mod flags;
mod handling;
mod part;
mod stop;
mod sys;

pub use handling::{Fate, Handling, signal_name, signal_names};
pub use part::Init;
pub use stop::stop;
