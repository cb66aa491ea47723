//! The limit of memory.

use cgroup_cpu::{Group, set, write};
use clone_pid::{Birth, Part};
use ground::cgroup::{Controller, Place, Version};
use ground::{Error, Result};
use nix::errno::Errno;

/// v1 refuses a limit below what is charged already and cannot be taken back.
const BUSY: (Errno, &str) =
    (Errno::EBUSY, "the group holds more than that already, and it cannot be reclaimed");
const ORDER: (Errno, &str) =
    (Errno::EINVAL, "memory and swap together cannot be less than memory alone");

// ANCHOR: memory-limit
/// A ceiling on what the processes of the box have together, in bytes. The kernel rounds it down to whole pages. See the
/// kernel's [v2 memory controller](https://docs.kernel.org/admin-guide/cgroup-v2.html#memory), and
/// [v1's](https://docs.kernel.org/admin-guide/cgroup-v1/memory.html).
#[derive(Default)]
pub struct MemoryLimit {
    group: Group,
    bytes: Option<u64>,
    total: Option<u64>,
    reservation: Option<u64>,
    high: Option<u64>,
    swappiness: Option<u64>,
}

impl MemoryLimit {
    /// So many bytes.
    pub fn bytes(bytes: u64) -> MemoryLimit {
        MemoryLimit { bytes: Some(bytes), ..MemoryLimit::default() }
    }

    /// So many times 1048576 bytes.
    pub fn mib(mib: u64) -> MemoryLimit {
        MemoryLimit::bytes(mib << 20)
    }

    /// Memory and swap together; `u64::MAX` is no limit. Without this, what is above the limit may go to swap.
    pub fn total(self, bytes: u64) -> MemoryLimit {
        MemoryLimit { total: Some(bytes), ..self }
    }

    /// No swap: the limit is all there is.
    pub fn without_swap(self) -> MemoryLimit {
        MemoryLimit { total: self.bytes, ..self }
    }

    /// In this group, and not that of the run.
    pub fn of(self, group: &Group) -> MemoryLimit {
        MemoryLimit { group: group.clone(), ..self }
    }

    fn write_limits(&self, place: &Place) -> Result<()> {
        let Some(bytes) = self.bytes else { return Ok(()) };
        match place.version {
            Version::V1 => set(place, "memory.limit_in_bytes", bytes, BUSY)?,
            Version::V2 => set(place, "memory.max", bytes, BUSY)?,
        }
        let Some(total) = self.total else { return Ok(()) };
        // Both files are missing where the kernel keeps no account of swap.
        match (place.version, total) {
            (Version::V1, _) if !place.dir.join("memory.memsw.limit_in_bytes").exists() => Ok(()),
            (Version::V2, _) if !place.dir.join("memory.swap.max").exists() => Ok(()),
            (Version::V1, u64::MAX) => write(place, "memory.memsw.limit_in_bytes", -1, ORDER),
            (Version::V1, _) => set(place, "memory.memsw.limit_in_bytes", total, ORDER),
            (Version::V2, u64::MAX) => set(place, "memory.swap.max", "max", ORDER),
            // v2 bounds the swap alone.
            (Version::V2, _) => set(place, "memory.swap.max", total.saturating_sub(bytes), ORDER),
        }
    }
}

impl Part for MemoryLimit {
    fn prepare(&mut self) -> Result<()> {
        let place = self.group.make(Controller::MEMORY)?;
        self.write_limits(&place)?;
        self.write_wishes(&place)
    }

    fn cgroups(&self) -> Result<Vec<Birth>> {
        self.group.births(Controller::MEMORY)
    }

    fn release(&mut self) -> Result<()> {
        self.group.remove(Controller::MEMORY)
    }
}
// ANCHOR_END: memory-limit

// ANCHOR: memory-wishes
/// What is no ceiling: how the kernel should choose when memory is short.
impl MemoryLimit {
    /// What the box should keep when others press, in bytes.
    pub fn reservation(self, bytes: u64) -> MemoryLimit {
        MemoryLimit { reservation: Some(bytes), ..self }
    }

    /// v2: above so many bytes the box is slowed down and its memory reclaimed, but nobody is killed.
    pub fn high(self, bytes: u64) -> MemoryLimit {
        MemoryLimit { high: Some(bytes), ..self }
    }

    /// v1: from 0, swap only when nothing else is left, to 200, swap before dropping file pages; 100 treats both alike.
    pub fn swappiness(self, value: u64) -> MemoryLimit {
        MemoryLimit { swappiness: Some(value), ..self }
    }

    fn write_wishes(&self, place: &Place) -> Result<()> {
        let never = (Errno::EINVAL, "a number of bytes");
        if let Some(bytes) = self.reservation {
            let v1 = place.version == Version::V1;
            let file = if v1 { "memory.soft_limit_in_bytes" } else { "memory.low" };
            set(place, file, bytes, never)?;
        }
        if let Some(bytes) = self.high {
            only(place, Version::V2, "memory.high")?;
            set(place, "memory.high", bytes, never)?;
        }
        if let Some(value) = self.swappiness {
            only(place, Version::V1, "memory.swappiness")?;
            set(place, "memory.swappiness", value, (Errno::EINVAL, "a number from 0 to 200"))?;
        }
        Ok(())
    }
}
// ANCHOR_END: memory-wishes

fn only(place: &Place, version: Version, file: &str) -> Result<()> {
    if place.version == version {
        return Ok(());
    }
    let (has, here) = (version.word(), place.version.word());
    Err(Error::environment(format!(
        "{file}: only cgroup {has} has it, and memory is in {here} here"
    )))
}
