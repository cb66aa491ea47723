//! Lesson 05: how much memory a box may have, how many tasks, and what the kernel does when that is not enough.
//!
//! A page is charged to the group of the process that first touches it, whatever it is for: anonymous memory, a page of a
//! file, a tmpfs, a pipe, a table of the kernel. At the limit the kernel first takes back what it can: clean file pages,
//! and with swap the rest. When that is not enough it kills the process of the group that has most: an OOM kill.
//!
//! | | v1 | v2 |
//! | --- | --- | --- |
//! | limit, in bytes | `memory.limit_in_bytes` | `memory.max` |
//! | …and of swap | `memory.memsw.limit_in_bytes`: both together | `memory.swap.max`: swap alone |
//! | kept when others press | `memory.soft_limit_in_bytes` | `memory.low` |
//! | slowed down, not killed | | `memory.high` |
//! | willingness to swap | `memory.swappiness` | |
//! | charged now, and at most | `memory.usage_in_bytes`, `memory.max_usage_in_bytes` | `memory.current`, `memory.peak` |
//! | times at the limit, kills | `memory.failcnt`, `memory.oom_control` | `memory.events` |
//! | number of tasks | `pids.max` | `pids.max` |
//!
//! The parts are lesson 04's three lines around other files, in the same group.
//!
//! | to see … | look at |
//! | --- | --- |
//! | the limits | [`MemoryLimit`], [`PidsLimit`] |
//! | who is killed first | [`OomScore`] |
//! | what it came to, and whether the OOM killer came | [`MemoryAccount`], [`Memory`] |

mod account;
pub mod beyond;
pub mod flags;
mod limit;
pub mod size;
mod tasks;

pub use account::{File, LIMIT, Memory, MemoryAccount, PEAK, USAGE};
pub use limit::MemoryLimit;
pub use tasks::{OomScore, PidsLimit};
