//! From 0 to 200.

use cgroup_cpu::write;
use ground::Result;
use ground::cgroup::{Place, Version};
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, step};
use ground::text::name;
use memory_oom::beyond::Kept;
use nix::errno::Errno;
use std::fs;

pub const EXPERIMENT: Experiment = Experiment {
    name: "swappiness",
    title: "pages of files or pages without: which first, on a scale that got longer",
    level: Level::Deep,
    claims: &["C116"],
    needs: &[Need::Admin, Need::Clone3, Need::MemoryController],
    run,
};

const RANGE: (Errno, &str) = (Errno::EINVAL, "a number from 0 to 200");

fn run(findings: &mut Findings) -> Result<()> {
    step("What the host says");
    let global = fs::read_to_string("/proc/sys/vm/swappiness").unwrap_or_default();
    evidence("/proc/sys/vm/swappiness", name(global.trim()));
    let kept = Kept::memory("a")?;
    let place = kept.place()?;
    step(match place.version {
        Version::V1 => {
            "Write to a group's memory.swappiness: the end of the old scale, of the new one, and beyond"
        }
        Version::V2 => {
            "A group of version 2 has no such file, but takes the number with memory.reclaim"
        }
    });
    let asked = [100, 200, 201].map(|value| accepted(&place, value));
    if asked == [true, true, false] {
        conclude(
            "100 means that both kinds cost the same to bring back; above that, swap is the faster disk, such as zram",
        );
    }
    findings.because("the range is 0 to 200 since Linux 5.8");
    findings.outdated("C116", asked == [true, true, false]);
    Ok(())
}

/// EAGAIN of version 2: the value was fine, and there was not so much to reclaim.
fn accepted(place: &Place, value: u32) -> bool {
    let wrote = match place.version {
        Version::V1 => write(place, "memory.swappiness", value, RANGE),
        Version::V2 => write(place, "memory.reclaim", format!("4096 swappiness={value}"), RANGE),
    };
    wrote.err().and_then(|e| e.errno()).is_none_or(|errno| errno == Errno::EAGAIN)
}
