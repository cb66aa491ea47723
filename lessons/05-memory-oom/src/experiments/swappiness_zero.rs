//! Zero is not never.

use std::fs;
use std::path::{Path, PathBuf};

use ground::Result;
use ground::call::doing;
use ground::host::disk::Swap;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use ground::text::size;

use crate::stage::{boxed, until};

pub const EXPERIMENT: Experiment = Experiment {
    name: "swappiness-zero",
    title: "a host with swappiness 0, and a process that wants more memory than there is",
    level: Level::Deep,
    claims: &["C118"],
    needs: &[Need::InitialRoot, Need::Admin, Need::Clone3, Need::Swap, Need::Disposable],
    run,
};

const SWAPPINESS: &str = "/proc/sys/vm/swappiness";
/// Multi-generational LRU, Linux 6.1: with it 0 does forbid swap, and the claim is of the two lists before it.
const GENERATIONS: &str = "/sys/kernel/mm/lru_gen/enabled";
/// MiB beyond what is available.
const BEYOND: u64 = 64;

fn run(findings: &mut Findings) -> Result<()> {
    step("Tell a machine that is ours to avoid swap, and give it some");
    let _settings = [Setting::set(SWAPPINESS, "0")?, Setting::set(GENERATIONS, "0")?];
    let _swap = Swap::compressed(512)?;
    let available = field("/proc/meminfo", "MemAvailable:") >> 10;
    evidence("/proc/meminfo, MemAvailable, MiB", size(available));

    step(format!("A box takes {BEYOND} MiB more than that"));
    let counters = || ["pswpout", "oom_kill"].map(|key| field("/proc/vmstat", key));
    let before = counters();
    let container = boxed(&format!("eat-anon {}; hold", available + BEYOND))?;
    let mut running = muted(|| container.start())?;
    let alive = until(&mut running, "ready")?.is_some();
    let after = counters();
    muted(|| running.kill())?;
    let [swapped, killed] = [0, 1].map(|i| after[i].saturating_sub(before[i]));
    evidence("/proc/vmstat, pages swapped out since", size(swapped));
    evidence("/proc/vmstat, oom_kill since", killed);
    if alive && swapped > 0 {
        conclude(
            "with free pages and page cache together below the high watermark there is nothing else to take",
        );
    }
    findings.because(
        "without multi-generational LRU: file cache below the high watermark makes it swap",
    );
    findings.holds("C118", alive && swapped > 0 && killed == 0);
    Ok(())
}

/// The number after a word at the beginning of a line.
fn field(file: &str, key: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.split_whitespace().next() == Some(key));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

/// A setting of the machine, as it was before when dropped.
struct Setting {
    file: PathBuf,
    before: String,
}

impl Setting {
    /// A file that this kernel does not have needs no change.
    fn set(file: &str, value: &str) -> Result<Option<Setting>> {
        if !Path::new(file).exists() {
            return Ok(None);
        }
        let before = fs::read_to_string(file).unwrap_or_default();
        doing(format_args!("write {value} to {}", file))
            .like_args(format_args!("echo {value} > {}", file))
            .run(|| fs::write(file, value))?;
        Ok(Some(Setting { file: file.into(), before }))
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        // The machine is thrown away in any case.
        let _ = fs::write(&self.file, &self.before);
    }
}
