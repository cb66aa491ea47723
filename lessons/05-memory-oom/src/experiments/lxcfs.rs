//! A `/proc/meminfo` of the box's own.

use std::fs;
use std::path::{Path, PathBuf};

use clone_pid::Part;
use clone_pid::{PidNamespace, beyond::probing};
use ground::Result;
use ground::call::{doing, quietly};
use ground::cgroup::Place;
use ground::lesson::{Experiment, Findings, Level, run_dir};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, note, step};
use ground::text::{path, size};
use memory_oom::beyond::Kept;
use memory_oom::{LIMIT, Memory};
use mount_ns::{MountNamespace, Proc};
use nix::mount::{MsFlags, mount};

use crate::stage::limited;

pub const EXPERIMENT: Experiment = Experiment {
    name: "lxcfs",
    title: "a file made from the group's numbers, mounted over /proc/meminfo",
    level: Level::Deep,
    claims: &["C089"],
    needs: &[Need::Admin, Need::Clone3, Need::MemoryController],
    run,
};

const MIB: u64 = 64;
const MEMINFO: &str = "/proc/meminfo";
/// Where Debian's lxcfs has its files, made for whoever reads them from the group that he is in.
const LXCFS: &str = "/var/lib/lxcfs/proc/meminfo";

fn run(findings: &mut Findings) -> Result<()> {
    step(format!("A box in a group of {MIB} MiB reads {MEMINFO}"));
    let kept = limited("a", MIB)?;
    let host = total(&fs::read_to_string(MEMINFO).unwrap_or_default());
    evidence("MemTotal in KiB", size(host));
    let plain = read(&kept, None)?;
    box_evidence("MemTotal in KiB", size(plain));

    step("Make a file of the same form from the files of the group, and mount it over the box's");
    let file = run_dir()?.join("meminfo");
    let text = meminfo(&kept.place()?)?;
    quietly("write a meminfo").run(|| fs::write(&file, text))?;
    let covered = read(&kept, Some(file))?;
    box_evidence("MemTotal in KiB", covered);
    let own = plain == host && covered == MIB << 10;
    if own {
        conclude(
            "free(1) reads this file, and so it shows the limit. lxcfs does that for meminfo, cpuinfo, stat, loadavg, uptime and swaps, and makes the text when it is read, by FUSE",
        );
    }
    let real = real_lxcfs(&kept)?;
    findings.holds("C089", own && real);
    Ok(())
}

/// The daemon itself, where it runs.
fn real_lxcfs(kept: &Kept) -> Result<bool> {
    if !Path::new(LXCFS).exists() {
        note("lxcfs does not run here; Debian and Ubuntu have it as the package lxcfs");
        return Ok(true);
    }
    step(format!("lxcfs runs here: mount its {LXCFS}"));
    let covered = read(kept, Some(LXCFS.into()))?;
    box_evidence("MemTotal in KiB", covered);
    Ok(covered == MIB << 10)
}

/// The lines that free(1) cannot do without.
fn meminfo(place: &Place) -> Result<String> {
    let (limit, memory) = (place.number(LIMIT.of(place))?, Memory::of(place)?);
    let free = limit.saturating_sub(memory.usage);
    let lines = [
        ("MemTotal", limit),
        ("MemFree", free),
        ("MemAvailable", free + memory.inactive_file),
        ("Buffers", 0),
        ("Cached", memory.file),
        ("SwapTotal", 0),
        ("SwapFree", 0),
    ];
    let line =
        |(key, bytes): (&str, u64)| format!("{:<16}{:>8} kB\n", format!("{key}:"), bytes >> 10);
    Ok(lines.into_iter().map(line).collect())
}

/// What MemTotal a box reads, in KiB.
fn read(kept: &Kept, over: Option<PathBuf>) -> Result<u64> {
    let container = probing(&format!("cat {MEMINFO}"))?
        .with(PidNamespace)
        .with(kept.member())
        .with(MountNamespace::private())
        .with(Proc);
    let output = match over {
        Some(file) => container.with(Covers(file)).start()?.output(),
        None => muted(|| container.start()?.output()),
    };
    Ok(total(&output?.text))
}

/// Binds a file over the box's `/proc/meminfo`.
struct Covers(PathBuf);

impl Part for Covers {
    fn enter(&mut self) -> Result<()> {
        let (none, shown) = (None::<&str>, path(self.0.display()));
        doing(format_args!("mount {shown} on {MEMINFO} MS_BIND"))
            .like_args(format_args!("mount --bind {shown} {MEMINFO}"))
            .run(|| mount(Some(&self.0), MEMINFO, none, MsFlags::MS_BIND, none))
    }
}

/// MemTotal in KiB.
fn total(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
