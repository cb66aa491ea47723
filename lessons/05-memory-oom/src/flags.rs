//! The flags that this lesson adds to `run`: Docker's, with Docker's meaning.

use std::ops::Deref;

use cgroup_cpu::flags::Several;
use clap::Args;
use ground::cgroup::{Controller, layout};
use ground::{Error, Result};

use crate::{MemoryAccount, MemoryLimit, OomScore, PidsLimit, size};

/// `run --memory 64m` and its relatives.
#[derive(Args, Clone, Debug, Default)]
#[group(skip)] // clap would name a group after the struct, and earlier lessons' have the same name
pub struct Flags {
    /// Lesson 04's flags.
    #[command(flatten)]
    pub base: cgroup_cpu::flags::Flags,
    /// Memory that the box may have at most: 64m, 1.5g
    #[arg(short = 'm', long, value_name = "SIZE", value_parser = memory)]
    pub memory: Option<u64>,
    /// Memory and swap together; -1 is no limit; twice --memory when left out
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true, requires = "memory", value_parser = total)]
    pub memory_swap: Option<u64>,
    /// Memory that the box should keep when others press
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    pub memory_reservation: Option<u64>,
    /// Above this the box is slowed down, nobody is killed (cgroup v2)
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    pub memory_high: Option<u64>,
    /// Willingness to swap, from 0 to 100 (cgroup v1)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=100))]
    pub memory_swappiness: Option<u64>,
    /// Tasks that the box may have at most, threads and zombies included; -1 is no limit
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub pids_limit: Option<i64>,
    /// Who is killed first when memory is short: from -1000, never, to 1000
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(-1000..=1000))]
    pub oom_score_adj: Option<i32>,
}

/// The flags of the lessons before are this one's, too.
impl Deref for Flags {
    type Target = cgroup_cpu::flags::Flags;

    fn deref(&self) -> &Self::Target {
        &self.base
    }
}

impl Flags {
    /// The limits that the flags describe, in the group of lesson 04's. Without any of them the box still gets a group whose
    /// memory can be looked at, where this user may make one.
    pub fn memory(&self) -> Result<Several> {
        let group = self.group();
        let mut parts = Several::default();
        let limit = self.limit()?;
        let wanted = limit.is_some() || self.cgroup_parent.is_some();
        if wanted || layout()?.usable(Controller::MEMORY).is_some() {
            parts.push(limit.unwrap_or_default().of(&group));
        }
        match self.pids_limit {
            None => {}
            // Docker takes 0 and every negative number for no limit.
            Some(most @ 1..) => parts.push(PidsLimit::tasks(most as u64).of(&group)),
            Some(_) => parts.push(PidsLimit::unlimited().of(&group)),
        }
        Ok(parts)
    }

    /// What became of its memory.
    pub fn account(&self) -> MemoryAccount {
        MemoryAccount::of(&self.group())
    }

    /// Who is killed first, if that was said.
    pub fn oom_score(&self) -> OomScore {
        OomScore(self.oom_score_adj)
    }

    fn limit(&self) -> Result<Option<MemoryLimit>> {
        let all = [self.memory, self.memory_reservation, self.memory_high, self.memory_swappiness];
        if all.iter().all(Option::is_none) {
            return Ok(None);
        }
        let mut limit = MemoryLimit::default();
        if let Some(bytes) = self.memory {
            // Docker takes 0 for what was left out.
            let total = self.memory_swap.filter(|total| *total > 0);
            let total = total.unwrap_or(bytes.saturating_mul(2));
            if total < bytes {
                return Err(Error::usage(
                    "--memory-swap is memory and swap together: at least as much as --memory",
                ));
            }
            if self.memory_reservation.is_some_and(|reserved| reserved > bytes) {
                return Err(Error::usage(
                    "--memory-reservation is a part of the box's memory: at most as much as --memory",
                ));
            }
            limit = MemoryLimit::bytes(bytes).total(total);
        }
        limit = self.memory_reservation.into_iter().fold(limit, MemoryLimit::reservation);
        limit = self.memory_high.into_iter().fold(limit, MemoryLimit::high);
        Ok(Some(self.memory_swappiness.into_iter().fold(limit, MemoryLimit::swappiness)))
    }
}

/// Docker's least: with less than that nothing starts.
fn memory(word: &str) -> Result<u64> {
    match size::parse(word)? {
        bytes if bytes >= 6 << 20 => Ok(bytes),
        _ => Err(Error::usage("at least 6m: with less than that nothing starts")),
    }
}

fn total(word: &str) -> Result<u64> {
    if word == "-1" { Ok(u64::MAX) } else { size::parse(word) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(memory: Option<u64>, swap: Option<u64>) -> Result<Option<MemoryLimit>> {
        Flags { memory, memory_swap: swap, ..Flags::default() }.limit()
    }

    #[test]
    fn without_a_flag_there_is_no_limit() {
        assert!(limit(None, None).unwrap().is_none());
    }

    #[test]
    fn swap_cannot_be_negative() {
        assert!(limit(Some(64 << 20), Some(32 << 20)).is_err());
        assert!(limit(Some(64 << 20), Some(64 << 20)).unwrap().is_some());
        assert_eq!(total("-1").unwrap(), u64::MAX);
    }

    #[test]
    fn less_than_six_megabytes_is_no_limit_for_a_box() {
        assert!(memory("5m").is_err());
        assert_eq!(memory("6m").unwrap(), 6 << 20);
    }
}
