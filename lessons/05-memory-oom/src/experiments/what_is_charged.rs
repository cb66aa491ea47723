//! Killed with next to no rss.

use clone_pid::Status;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, muted, step};
use mount_ns::MountNamespace;

use crate::stage::{
    Charge, boxed, hold_in, limited, mount_point, tell_charges, tell_events, tell_kills, until,
};

pub const EXPERIMENT: Experiment = Experiment {
    name: "what-is-charged",
    title: "files in memory and pipes bring the OOM killer too, with hardly any rss",
    level: Level::Core,
    claims: &["C095"],
    needs: &[Need::Admin, Need::Clone3, Need::MemoryController],
    run,
};

const MIB: u64 = 1 << 20;

fn run(findings: &mut Findings) -> Result<()> {
    let tmpfs = files_in_memory()?;
    let pipes = full_pipes()?;
    findings.because(
        "what counts is all that is charged and cannot be reclaimed: anonymous memory, files in memory, memory of the kernel",
    );
    // Had only rss counted, nobody would have been killed.
    findings.holds("C095", !(tmpfs && pipes));
    Ok(())
}

/// Whether somebody was killed with next to no anonymous memory.
fn files_in_memory() -> Result<bool> {
    step(
        "A group with 20 MiB. A box mounts a tmpfs; beside it, in the same mount namespace, another one writes 60 MiB to it",
    );
    let kept = limited("files", 20)?;
    let at = mount_point()?.display().to_string();
    let private = || MountNamespace::private();
    let script = format!("mount-tmpfs {at}; hold");
    let mut holder = muted(|| boxed(&script)?.with(private()).start())?;
    until(&mut holder, "ready")?;
    let writer = clone_pid::beyond::probing(&format!("write-file {at}/file 60"))?;
    let writer = writer.with(private()).with(kept.member());
    let output = muted(|| writer.join(holder.child())?.output())?;
    box_evidence("the writer was", output.status);
    let charged = tell_charges(&kept.place()?, &[Charge::Anon, Charge::Shmem])?;
    let events = tell_events(&kept.place()?)?;
    muted(|| holder.kill())?;
    let killed = output.status == Status::Killed(9) && events.kills > 0;
    if killed {
        conclude(
            "the writer is dead, and what it wrote is still charged: without swap, a file in memory has nowhere else to go",
        );
    }
    Ok(killed && charged.anon < MIB && charged.shmem > 15 * MIB)
}

fn full_pipes() -> Result<bool> {
    step("A group with 10 MiB. A box fills 100 pipes, 64 KiB each");
    let kept = limited("pipes", 10)?;
    let first = hold_in(&kept, "fill-pipes 100; hold")?;
    let charged = tell_charges(&kept.place()?, &[Charge::Anon, Charge::Kernel])?;
    step("…and a second box 100 more");
    let second = hold_in(&kept, "fill-pipes 100; hold")?;
    // Either of the two may be the victim.
    let kills = tell_kills(&kept.place()?)?;
    muted(|| drop((first, second)));
    if kills > 0 {
        conclude("a pipe is memory of the kernel, and charged to whoever filled it");
    }
    Ok(kills > 0 && charged.anon < MIB && charged.kernel > 6 * MIB)
}
