//! What a group cannot give back.

use clone_pid::{Container, Part};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use memory_oom::Memory;
use mount_ns::{MountNamespace, mount_new};
use nix::mount::MsFlags;
use std::path::PathBuf;

use super::swap_load::{about, nearest};
use crate::stage::{boxed, limited, mount_point, on_v2, until};

pub const EXPERIMENT: Experiment = Experiment {
    name: "page-cache-rss",
    title: "rss is not all that stays: a tmpfs and pipes cannot be reclaimed either",
    level: Level::Deep,
    claims: &["C109"],
    needs: &[Need::Admin, Need::Clone3, Need::MemoryController],
    run,
};

const MIB: u64 = 64;
/// Each load, in MiB; 320 pipes of 64 KiB are as much.
const LOAD: u64 = 20;
const PIPES: u64 = 320;

fn run(findings: &mut Findings) -> Result<()> {
    step(format!("{LOAD} MiB of anonymous memory"));
    let anon = load("anon", boxed(&format!("eat-anon {LOAD}; hold"))?)?;
    step(format!("A file of {LOAD} MiB on a tmpfs"));
    let dir = mount_point()?;
    let script = format!("write-file {}/file {LOAD}; hold", dir.display());
    let tmpfs = boxed(&script)?.with(MountNamespace::private()).with(Tmpfs(dir));
    let tmpfs = load("tmpfs", tmpfs)?;
    step(format!("{PIPES} full pipes"));
    let pipes = load("pipes", boxed(&format!("fill-pipes {PIPES}; hold"))?)?;
    conclude(
        "usage without inactive_file is what nobody can take back without swap: kubelet and cAdvisor call it the working set",
    );

    // To the nearest 5 MiB: what a process has beside its load is less.
    let explains = |memory: &Memory| nearest(memory.anon, 5) >= LOAD;
    let stays = |memory: &Memory| nearest(working_set(memory), 5) >= LOAD;
    findings.because("rss leaves out shared memory and the kernel's own, which cannot be freed either; use usage - total_inactive_file");
    let missed = [tmpfs, pipes].iter().all(|memory| stays(memory) && !explains(memory));
    findings.partly("C109", explains(&anon) && stays(&anon), missed);
    Ok(())
}

fn working_set(memory: &Memory) -> u64 {
    memory.usage.saturating_sub(memory.inactive_file)
}

fn load(word: &str, container: Container) -> Result<Memory> {
    let kept = muted(|| limited(word, MIB))?;
    let mut running = muted(|| container.with(kept.member()).start())?;
    until(&mut running, "ready")?;
    let memory = Memory::of(&kept.place()?)?;
    muted(|| running.kill())?;
    let tell = |source: &str, bytes| evidence(source, about(bytes, 5));
    tell(if on_v2() { "memory.stat, anon" } else { "memory.stat, rss" }, memory.anon);
    tell("memory.stat, shmem", memory.shmem);
    tell(if on_v2() { "memory.current" } else { "memory.usage_in_bytes" }, memory.usage);
    tell("the same without inactive_file", working_set(&memory));
    Ok(memory)
}

/// An empty tmpfs, in the box only.
struct Tmpfs(PathBuf);

impl Part for Tmpfs {
    fn enter(&mut self) -> Result<()> {
        mount_new("tmpfs", &self.0.display().to_string(), MsFlags::empty(), "")
    }
}
