//! A fifth of a CPU.

use std::time::Duration;

use cgroup_cpu::CpuLimit;
use cgroup_cpu::beyond::Kept;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use ground::text::time;
use ground::{Result, interrupt};

use crate::stage::{endless, loops, schedule, watch};

pub const EXPERIMENT: Experiment = Experiment {
    name: "quota",
    title: "20 ms of CPU time in each 100 ms",
    level: Level::Core,
    claims: &["C071"],
    needs: &[Need::Admin, Need::Clone3, Need::CpuController],
    run,
};

const SPAN: Duration = Duration::from_millis(800);
/// A quota is given out in slices and a slice may be overrun; a virtual machine is also charged for time that its host took.
const CEILING: f64 = 0.2 * 1.75;

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "An endless loop without a limit: how long did it run, and how long did it wait for a CPU?",
    );
    let wanted = wanted_without_limit()?;
    step("The same, born in a group with 20000 µs in each period of 100000");
    let kept = Kept::cpu("a")?;
    let limited = loops(&kept.group, "spin 3600000")?.with(CpuLimit::cores(0.2).of(&kept.group));
    let running = limited.start()?;
    let used = watch(&kept.group, SPAN, 0.2)?.told(&kept.place()?);
    muted(|| running.kill())?;
    let held = used.cpus() < CEILING && used.cpu.throttled > 0;
    if held {
        conclude("stopped whenever its 20 ms were used up, and so below its ceiling");
    }
    findings
        .because("how much of 100 % a loop gets without a limit depends on who else wants the CPU");
    findings.holds("C071", wanted > 0.8 && held);
    Ok(())
}

/// The part of the time in which a loop ran or would have liked to: all of it, however busy the machine.
fn wanted_without_limit() -> Result<f64> {
    let running = muted(|| endless()?.start())?;
    let process = running.child().process();
    let (before, start) = (schedule(&process)?, std::time::Instant::now());
    interrupt::sleep(SPAN / 2);
    let (after, wall) = (schedule(&process)?, start.elapsed());
    let (ran, waited) = (after.0 - before.0, after.1 - before.1);
    evidence(format!("{}, ran, ms", process.file("schedstat")), time(ran.as_millis()));
    evidence(format!("{}, waited, ms", process.file("schedstat")), time(waited.as_millis()));
    muted(|| running.kill())?;
    Ok((ran + waited).as_secs_f64() / wall.as_secs_f64())
}
