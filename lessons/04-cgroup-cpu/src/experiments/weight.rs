//! Two groups that want one CPU.

use std::time::Duration;

use cgroup_cpu::CpuWeight;
use cgroup_cpu::beyond::Kept;
use clone_pid::Running;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use ground::text::{count, time};

use crate::stage::{loops, one_cpu, watch};

pub const EXPERIMENT: Experiment = Experiment {
    name: "weight",
    title: "shares divide a CPU that two groups want, and limit nobody when only one does",
    level: Level::Core,
    claims: &["C076"],
    needs: &[Need::Admin, Need::Clone3, Need::CpuController],
    run,
};

const SPAN: Duration = Duration::from_millis(450);

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "Two endless loops on one CPU, in groups with 32768 and 16384 shares, so that the rest of the machine hardly counts: \
         whoever else is on this CPU has 1024",
    );
    let half = contest(32_768, 16_384)?;
    step("…with 32768 and a quarter of that");
    let quarter = contest(32_768, 8192)?;
    let relative = (1.4..2.9).contains(&half.ratio) && (2.8..5.8).contains(&quarter.ratio);
    let idle = quarter.alone > quarter.beside * 1.15;
    if relative && idle {
        conclude(
            "twice the shares is twice the time, four times is four times: as long as both want it. Alone, the small one takes what is there",
        );
    }
    findings.holds("C076", relative && idle);
    Ok(())
}

/// What came of a contest, in CPUs.
pub struct Outcome {
    /// The large one's time over the small one's.
    pub ratio: f64,
    /// What the small one had beside the large.
    pub beside: f64,
    /// What it had when the large one had ended.
    pub alone: f64,
}

/// Lets two loops meet on one CPU.
pub fn contest(large: u64, small: u64) -> Result<Outcome> {
    let cpu = one_cpu()?;
    let [a, b] = [("large", large), ("small", small)].map(|(word, shares)| {
        let kept = Kept::cpu(word)?;
        let script = format!("pin {cpu}; spin 3600000");
        let boxed = loops(&kept.group, &script)?.with(CpuWeight::shares(shares).of(&kept.group));
        Ok::<(Kept, Running), ground::Error>((kept, boxed.start()?))
    });
    let ((a, first), (b, second)) = (a?, b?);
    let before = (a.group.cpu()?.usage, b.group.cpu()?.usage);
    let beside = watch(&b.group, SPAN, 1.0)?.cpus();
    let used = (a.group.cpu()?.usage - before.0, b.group.cpu()?.usage - before.1);
    let ratio = used.0.as_secs_f64() / used.1.as_secs_f64().max(1e-6);
    evidence(format!("CPU time with {large} shares, ms"), time(used.0.as_millis()));
    evidence(format!("CPU time with {small} shares, ms"), time(used.1.as_millis()));
    evidence("one over the other", count(format_args!("{ratio:.1}")));
    muted(|| first.kill())?;
    let alone = watch(&b.group, SPAN / 2, 1.0)?.cpus();
    muted(|| second.kill())?;
    let percent =
        format!("{} %, before {} %", time((alone * 100.0) as u32), time((beside * 100.0) as u32));
    evidence(format!("{small} shares, the other one gone"), percent);
    Ok(Outcome { ratio, beside, alone })
}
