//! What usage is made of.

use std::thread::available_parallelism;

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use memory_oom::Memory;
use memory_oom::beyond::Kept;
use mount_ns::MountNamespace;

use crate::stage::{Charge, boxed, hold_in, mib, mount_point, tell_charges, until};

pub const EXPERIMENT: Experiment = Experiment {
    name: "usage-is-a-sum",
    title: "usage is anonymous memory, files and the kernel's own, together",
    level: Level::Deep,
    claims: &["C105", "C106"],
    needs: &[Need::Admin, Need::Clone3, Need::MemoryController],
    run,
};

const MIB: u64 = 1 << 20;

fn run(findings: &mut Findings) -> Result<()> {
    step("A box with 12 MiB of anonymous memory, 12 MiB of a file in memory, and 60 full pipes");
    let kept = Kept::memory("mixed")?;
    let at = mount_point()?.display().to_string();
    let script =
        format!("mount-tmpfs {at}; write-file {at}/file 12; eat-anon 12; fill-pipes 60; hold");
    let mixed = boxed(&script)?.with(MountNamespace::private()).with(kept.member());
    let mut running = muted(|| mixed.start())?;
    until(&mut running, "ready")?;
    let all = tell_charges(&kept.place()?, &[Charge::Anon, Charge::File, Charge::Kernel])?;
    evidence("the sum of the last three", mib(all.anon + all.file + all.kernel));
    let summed = differ(&all, all.anon + all.file + all.kernel) <= slack();
    if summed {
        conclude("the same, but for what each CPU has charged in advance, 64 pages at most");
    }
    muted(|| running.kill())?;
    drop(kept);

    step("A box with 120 full pipes and nothing else");
    let kept = Kept::memory("pipes")?;
    let running = hold_in(&kept, "fill-pipes 120; hold")?;
    let pipes = tell_charges(&kept.place()?, &[Charge::Anon, Charge::File, Charge::Kernel])?;
    evidence("the first two of them together", mib(pipes.anon + pipes.file));
    let missing = differ(&pipes, pipes.anon + pipes.file);
    if missing > 6 * MIB {
        conclude(
            "nearly all is missing: a box is charged for memory of the kernel since Linux 4.5",
        );
    }
    muted(|| running.kill())?;
    findings.because("the sum holds with the kernel's memory in it, and not without");
    findings.holds(
        "C105",
        summed && all.kernel > 3 * MIB && all.file > 11 * MIB && all.anon > 11 * MIB,
    );
    findings.holds("C106", missing <= slack());
    Ok(())
}

fn differ(memory: &Memory, sum: u64) -> u64 {
    memory.usage.abs_diff(sum)
}

/// Each CPU may hold a batch that it has charged and not used; and the counters are gathered now and then.
fn slack() -> u64 {
    MIB + available_parallelism().map_or(1, usize::from) as u64 * 64 * 4096
}
