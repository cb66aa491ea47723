//! What is charged to a quota.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use std::time::Duration;

use cgroup_cpu::CpuLimit;
use cgroup_cpu::beyond::Kept;
use ground::text::count;

use crate::stage::{Used, loops, watch};

pub const EXPERIMENT: Experiment = Experiment {
    name: "what-counts",
    title: "a quota charges what runs: in user code and in the kernel; waiting costs nothing",
    level: Level::Deep,
    claims: &["C078"],
    needs: &[Need::Admin, Need::Clone3, Need::CpuController],
    run,
};

const SPAN: Duration = Duration::from_millis(350);

fn run(findings: &mut Findings) -> Result<()> {
    step("A tenth of a CPU, three loads. First one that sleeps");
    let asleep = load("sleep", "fork-tree 0")?;
    step("…a loop in user code");
    let user = load("user", "spin 3600000")?;
    step("…and one that has the kernel copy zeroes, which is system time");
    let system = load("system", "copy 3600000")?;
    conclude(
        "user and system time are charged and limited. Who waits, for a disk or for anything, uses no CPU: there is nothing to limit",
    );

    step("And the time of interrupts?");
    let (irq, softirq) = interrupts();
    evidence("/proc/stat, ticks in interrupts since boot", count(irq));
    evidence("/proc/stat, ticks in softirqs", count(softirq));
    conclude(
        "where the first is 0, the kernel does not count interrupts apart: their time is charged to whom they interrupt",
    );
    findings.because(
        "iowait is idle time and no use that could be limited; and a kernel without CONFIG_IRQ_TIME_ACCOUNTING charges \
         an interrupt to whom it interrupts",
    );
    let so_far = asleep.cpu.throttled == 0 && user.cpu.throttled > 0 && system.cpu.throttled > 0;
    findings.partly("C078", so_far, asleep.cpus() < 0.05);
    Ok(())
}

fn load(word: &str, script: &str) -> Result<Used> {
    let kept = Kept::cpu(word)?;
    let boxed = loops(&kept.group, script)?.with(CpuLimit::cores(0.1).of(&kept.group));
    let mut running = muted(|| boxed.start())?;
    // What it takes to become the command is not the load; a period later it has been paid for.
    if script.starts_with("fork-tree") {
        running.line()?;
        ground::interrupt::sleep(Duration::from_millis(150));
    }
    let used = watch(&kept.group, SPAN, 0.1)?.told(&kept.place()?);
    muted(|| running.kill())?;
    Ok(used)
}

/// The sixth and seventh number of the line `cpu`, see proc_stat(5).
fn interrupts() -> (u64, u64) {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields: Vec<u64> =
        text.split_whitespace().skip(1).take(8).map(|field| field.parse().unwrap_or(0)).collect();
    (fields.get(5).copied().unwrap_or(0), fields.get(6).copied().unwrap_or(0))
}
