//! What demo and experiments share: loads in groups, and a look at what they are charged.

use std::path::PathBuf;

pub use clone_pid::beyond::boxed;
use clone_pid::{Output, Part, Running};
use ground::Result;
use ground::call::quietly;
use ground::cgroup::{Controller, Place, Version, version};
use ground::lesson::run_dir;
use ground::needs::Need;
use ground::story::{evidence, muted};
use ground::text::{count, size};
use memory_oom::beyond::Kept;
use memory_oom::{Memory, MemoryLimit, USAGE};

/// What experiments on a disk of their own need.
pub const WITH_DISK: &[Need] =
    &[Need::InitialRoot, Need::Admin, Need::Clone3, Need::MemoryController, Need::LoopDevice];

/// The world of this host: which version has the memory controller.
pub fn on_v2() -> bool {
    version(Controller::MEMORY) == Some(Version::V2)
}

/// So many MiB and no swap. In v1 by swappiness: a limit of memory and swap would be met first, and is not counted.
pub fn limit(mib: u64) -> MemoryLimit {
    match on_v2() {
        true => MemoryLimit::mib(mib).without_swap(),
        false => MemoryLimit::mib(mib).swappiness(0),
    }
}

/// A group with such a limit.
pub fn limited(word: &str, mib: u64) -> Result<Kept> {
    let kept = Kept::memory(word)?;
    limit(mib).of(&kept.group).prepare()?;
    Ok(kept)
}

/// Runs a script in a group to its end.
pub fn run_in(kept: &Kept, script: &str) -> Result<Output> {
    muted(|| boxed(script)?.with(kept.member()).start()?.output())
}

/// Starts a script in a group and waits until it holds what it has taken, or is dead.
pub fn hold_in(kept: &Kept, script: &str) -> Result<Running> {
    let mut running = muted(|| boxed(script)?.with(kept.member()).start())?;
    until(&mut running, "ready")?;
    Ok(running)
}

/// Reads what a box prints up to this line; `None` when it never comes.
pub fn until(running: &mut Running, last: &str) -> Result<Option<Vec<String>>> {
    let mut lines = Vec::new();
    while let Some(line) = running.line()? {
        if line == last {
            return Ok(Some(lines));
        }
        lines.push(line);
    }
    Ok(None)
}

/// Bytes as people read them.
pub fn mib(bytes: u64) -> String {
    format!("{} MiB", size(format_args!("{:.1}", bytes as f64 / 1048576.0)))
}

/// Reads what a group is charged, and tells it, with the parts that are asked for.
pub fn tell_charges(place: &Place, parts: &[Charge]) -> Result<Memory> {
    let memory = Memory::of(place)?;
    evidence(place.shown(USAGE.of(place)), mib(memory.usage));
    for part in parts {
        let (source, bytes) = part.of(place.version, &memory);
        evidence(place.shown(source), mib(bytes));
    }
    Ok(memory)
}

/// A part of what is charged.
#[derive(Clone, Copy)]
pub enum Charge {
    Anon,
    File,
    Shmem,
    Kernel,
}

impl Charge {
    fn of(self, version: Version, memory: &Memory) -> (&'static str, u64) {
        let v1 = version == Version::V1;
        match self {
            Charge::Anon if v1 => ("memory.stat, rss", memory.anon),
            Charge::Anon => ("memory.stat, anon", memory.anon),
            Charge::File if v1 => ("memory.stat, cache", memory.file),
            Charge::File => ("memory.stat, file", memory.file),
            Charge::Shmem => ("memory.stat, shmem", memory.shmem),
            Charge::Kernel if v1 => ("memory.kmem.usage_in_bytes", memory.kernel),
            Charge::Kernel => ("memory.stat, kernel", memory.kernel),
        }
    }
}

/// How often a charge met the limit, and how many processes were killed: told.
pub fn tell_events(place: &Place) -> Result<Memory> {
    let memory = Memory::of(place)?;
    let (hits, kills) = match place.version {
        Version::V1 => ("memory.failcnt", "memory.oom_control, oom_kill"),
        Version::V2 => ("memory.events, max", "memory.events, oom_kill"),
    };
    let met = if memory.hits == 0 { "0".to_string() } else { count(memory.hits).to_string() };
    evidence(place.shown(hits), met);
    evidence(place.shown(kills), memory.kills);
    Ok(memory)
}

/// How many processes were killed: told, where one more may die before the memory of the first is free again.
pub fn tell_kills(place: &Place) -> Result<u64> {
    let kills = Memory::kills(place)?;
    let file = if on_v2() { "memory.events" } else { "memory.oom_control" };
    evidence(format!("{}, oom_kill", place.shown(file)), count(kills));
    Ok(kills)
}

/// An empty directory of this run's own, to mount on.
pub fn mount_point() -> Result<PathBuf> {
    let at = run_dir()?.join("tmpfs");
    quietly(format_args!("make directory {}", at.display()))
        .run(|| std::fs::create_dir_all(&at))?;
    Ok(at)
}
