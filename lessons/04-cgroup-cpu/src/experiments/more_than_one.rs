//! More than one CPU.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, muted, step};
use std::time::Duration;

use cgroup_cpu::CpuLimit;
use cgroup_cpu::beyond::Kept;

use crate::stage::{loops, watch};

pub const EXPERIMENT: Experiment = Experiment {
    name: "more-than-one",
    title: "a quota above the period is more than one CPU",
    level: Level::Deep,
    claims: &["C075"],
    needs: &[Need::Admin, Need::Clone3, Need::CpuController],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("150000 µs in each 100000, and two loops");
    let kept = Kept::cpu("a")?;
    let boxed = loops(&kept.group, "spinners 2")?.with(CpuLimit::cores(1.5).of(&kept.group));
    let running = boxed.start()?;
    let place = kept.place()?;
    let wide = watch(&kept.group, Duration::from_millis(600), 1.5)?.told(&place);
    muted(|| running.kill())?;
    step("The same loops with a fifth of a CPU for both together");
    let kept = Kept::cpu("b")?;
    let boxed = loops(&kept.group, "spinners 2")?.with(CpuLimit::cores(0.2).of(&kept.group));
    let running = muted(|| boxed.start())?;
    let narrow = watch(&kept.group, Duration::from_millis(600), 0.2)?.told(&kept.place()?);
    muted(|| running.kill())?;
    conclude(
        "the quota is of the group: all its processes on all CPUs draw from it. 100 % is one CPU",
    );
    let ceilings = wide.cpus() < 1.5 * 1.3 && narrow.cpus() < 0.2 * 1.75;
    findings.because(
        "the ceiling was kept; what is reached below it depends on who else wants the CPUs",
    );
    findings.holds("C075", ceilings && narrow.cpu.throttled > 0);
    Ok(())
}
