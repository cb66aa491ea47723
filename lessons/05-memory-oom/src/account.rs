//! What a group holds and what became of it, by the kernel's own counters.

use cgroup_cpu::Group;
use clone_pid::Part;
use ground::Result;
use ground::cgroup::{Controller, Place, Version};
use ground::story::{evidence, listening, notice};
use ground::text::{count, name, size};

use crate::beyond::KernelLog;

/// What is charged to a group, in bytes, and what happened at its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// All that is charged.
    pub usage: u64,
    /// Of that: memory without a file, tmpfs not counted.
    pub anon: u64,
    /// Pages of files; those of tmpfs and shared memory are among them.
    pub file: u64,
    /// Those of tmpfs and shared memory.
    pub shmem: u64,
    /// The kernel's own, for this group: page tables, pipes, sockets, inodes.
    pub kernel: u64,
    /// File pages that were not used for a while: the first to be reclaimed.
    pub inactive_file: u64,
    /// How often a charge met the limit, before reclaim. v1 asks a limit of memory and swap first, and newer kernels do not
    /// count there: with both alike this stays 0.
    pub hits: u64,
    /// How many processes the OOM killer has taken here; in v2, in groups below as well.
    pub kills: u64,
}

impl Memory {
    /// Reads them.
    pub fn of(place: &Place) -> Result<Memory> {
        match place.version {
            Version::V1 => Memory::v1(place),
            Version::V2 => Memory::v2(place),
        }
    }

    /// How many processes the OOM killer has taken: one file of those that [`Memory::of`] reads.
    pub fn kills(place: &Place) -> Result<u64> {
        let file =
            if place.version == Version::V1 { "memory.oom_control" } else { "memory.events" };
        Ok(value(&place.read(file)?, "oom_kill"))
    }

    fn v1(place: &Place) -> Result<Memory> {
        let stat = place.read("memory.stat")?;
        // Without this prefix, groups below are left out.
        let part = |key: &str| value(&stat, &format!("total_{key}"));
        Ok(Memory {
            usage: place.number("memory.usage_in_bytes")?,
            anon: part("rss"),
            file: part("cache"),
            shmem: part("shmem"),
            kernel: place.number("memory.kmem.usage_in_bytes").unwrap_or(0),
            inactive_file: part("inactive_file"),
            hits: place.number("memory.failcnt")?,
            kills: Memory::kills(place)?,
        })
    }

    fn v2(place: &Place) -> Result<Memory> {
        let (stat, events) = (place.read("memory.stat")?, place.read("memory.events")?);
        Ok(Memory {
            usage: place.number("memory.current")?,
            anon: value(&stat, "anon"),
            file: value(&stat, "file"),
            shmem: value(&stat, "shmem"),
            kernel: value(&stat, "kernel"),
            inactive_file: value(&stat, "inactive_file"),
            hits: value(&events, "max"),
            kills: value(&events, "oom_kill"),
        })
    }
}

/// The value of a line `key value`; 0 when there is none.
pub(crate) fn value(text: &str, key: &str) -> u64 {
    let of_line = |line: &str| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok();
    text.lines().find_map(of_line).unwrap_or(0)
}

/// The name of a file of the memory controller, in v1 and v2.
#[derive(Clone, Copy, Debug)]
pub struct File(pub &'static str, pub &'static str);

/// What is charged now.
pub const USAGE: File = File("memory.usage_in_bytes", "memory.current");
/// The most that ever was.
pub const PEAK: File = File("memory.max_usage_in_bytes", "memory.peak");
/// The limit.
pub const LIMIT: File = File("memory.limit_in_bytes", "memory.max");

impl File {
    /// Its name in this group.
    pub fn of(self, place: &Place) -> &'static str {
        match place.version {
            Version::V1 => self.0,
            Version::V2 => self.1,
        }
    }
}

// ANCHOR: memory-account
/// The account: the most that was charged, how often it stood at the limit, whom the OOM killer took. It makes no group and
/// removes none, and must be asked before any part does: list it after all parts of the group, and it is released first.
#[derive(Default)]
pub struct MemoryAccount {
    group: Group,
    /// Only for the names of who was killed; the numbers are the group's.
    log: Option<KernelLog>,
}

impl MemoryAccount {
    /// Of this group, and not that of the run.
    pub fn of(group: &Group) -> MemoryAccount {
        MemoryAccount { group: group.clone(), log: None }
    }
}

impl Part for MemoryAccount {
    fn prepare(&mut self) -> Result<()> {
        self.log = KernelLog::from_now();
        Ok(())
    }

    fn release(&mut self) -> Result<()> {
        // Without a group, or at a second release, there is nothing to say.
        let Ok(place) = self.group.place(Controller::MEMORY) else { return Ok(()) };
        let Ok(kills) = Memory::kills(&place) else { return Ok(()) };
        if listening() {
            tell(&place, kills)?;
        }
        if kills > 0 { self.name_victims(&place, kills) } else { Ok(()) }
    }
}

fn tell(place: &Place, kills: u64) -> Result<()> {
    // memory.peak came with Linux 5.19.
    if let Ok(peak) = place.number(PEAK.of(place)) {
        evidence("most memory that the box had, in bytes", size(peak));
    }
    let hits = Memory::of(place)?.hits;
    if hits > 0 {
        evidence("times a charge met the limit", count(hits));
    }
    evidence("processes that the OOM killer took", kills);
    Ok(())
}

impl MemoryAccount {
    fn name_victims(&mut self, place: &Place, kills: u64) -> Result<()> {
        let victims = self.log.as_mut().map(|log| log.victims(place)).unwrap_or_default();
        let named = victims.iter().map(|v| format!("{} (pid {})", v.task, v.pid));
        let who = match &named.collect::<Vec<_>>()[..] {
            [] if kills == 1 => "a process".to_string(),
            [] => format!("{kills} processes"),
            named => named.join(", "),
        };
        let limit = place.read(LIMIT.of(place))?;
        notice(format!(
            "out of memory: the kernel killed {}; the limit of the box is {limit} bytes",
            name(who)
        ));
        Ok(())
    }
}
// ANCHOR_END: memory-account
