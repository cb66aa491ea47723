//! A pod's numbers.

use cgroup_cpu::beyond::Kept;
use cgroup_cpu::{CpuLimit, weight_of};
use clone_pid::Part;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, step};

use super::weight::contest;
use crate::stage::on_v2;

pub const EXPERIMENT: Experiment = Experiment {
    name: "kubernetes",
    title: "what Kubernetes writes: a limit becomes a quota, a request becomes shares",
    level: Level::Deep,
    claims: &["C077"],
    needs: &[Need::Admin, Need::Clone3, Need::CpuController],
    run,
};

/// What the kubelet computes of a request in thousandths of a CPU.
fn shares(millis: u64) -> u64 {
    millis * 1024 / 1000
}

/// …and of a limit, in µs of each 100000.
fn quota(millis: i64) -> i64 {
    millis * 100
}

fn run(findings: &mut Findings) -> Result<()> {
    step("A limit of 500m");
    let kept = Kept::cpu("pod")?;
    CpuLimit::quota(quota(500), 100_000).of(&kept.group).prepare()?;
    let place = kept.place()?;
    let limited = match on_v2() {
        true => place.read("cpu.max")? == "50000 100000",
        false => place.read("cpu.cfs_quota_us")? == "50000",
    };
    step("Requests of 24000m and 8000m, of a large node, on a CPU that both want");
    evidence("shares", format!("{} and {}", shares(24_000), shares(8_000)));
    if on_v2() {
        evidence(
            "as weights",
            format!("{} and {}", weight_of(shares(24_000)), weight_of(shares(8_000))),
        );
    }
    let outcome = contest(shares(24_000), shares(8_000))?;
    conclude(
        "three times the request is three times the CPU, when there is not enough; what nobody wants, anybody may have",
    );
    findings.because("as long as the requests on a node add up to no more than it has");
    findings.holds("C077", limited && (2.0..4.4).contains(&outcome.ratio));
    Ok(())
}
