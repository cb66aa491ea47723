//! How many CPUs there are.

use cgroup_cpu::{CpuLimit, Cpuset};
use clone_pid::Part;
use clone_pid::beyond::Report;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use ground::text::{count, name};
use std::fs;

use crate::stage::boxed;

pub const EXPERIMENT: Experiment = Experiment {
    name: "cpus-seen",
    title: "sysfs says what the machine has; programs ask the scheduler, and some the group",
    level: Level::Deep,
    claims: &["C088"],
    needs: &[Need::Admin, Need::Clone3, Need::CpuController, Need::CpusetController, Need::TwoCpus],
    run,
};

const ONLINE: &str = "/sys/devices/system/cpu/online";

fn run(findings: &mut Findings) -> Result<()> {
    let online = fs::read_to_string(ONLINE).unwrap_or_default().trim().to_string();
    evidence(ONLINE, name(&online));
    step("A box bound to one CPU");
    let bound = look(Cpuset::cpus(last_cpu(&online)))?;
    step("A box that may use one CPU's worth of time, on any of them");
    let quota = look(CpuLimit::cores(1.0))?;
    conclude(
        "nproc(1), Go and most others ask sched_getaffinity(2), which knows cpusets. Rust and Java, and Go since 1.25, read the quota of the group as well",
    );
    let sysfs_is_blind = bound.online == online && quota.online == online;
    let asks_scheduler = bound.affinity == 1 && bound.rust == 1 && quota.affinity > 1;
    let asks_group = quota.rust == 1;
    findings.because("a runtime that took online for its number of threads would start one for each CPU of the machine");
    findings.holds("C088", !(sysfs_is_blind && asks_scheduler && asks_group));
    Ok(())
}

struct Seen {
    online: String,
    affinity: usize,
    rust: usize,
}

fn look(part: impl Part + 'static) -> Result<Seen> {
    let script = format!("cpus; parallelism; cat {ONLINE}");
    let container = boxed(&script)?.with(part);
    let text = muted(|| container.start()?.output())?.text;
    let report = Report::parse(&text);
    let number = |key| Ok(report.get(key)?.parse().unwrap_or(0));
    let online = text.lines().last().unwrap_or_default().to_string();
    let seen = Seen { online, affinity: number("cpus")?, rust: number("parallelism")? };
    box_evidence(ONLINE, name(&seen.online));
    let affinity = if seen.affinity == 1 { "1".into() } else { count(seen.affinity).to_string() };
    box_evidence("sched_getaffinity(2), CPUs", affinity);
    box_evidence("Rust's available_parallelism", seen.rust);
    Ok(seen)
}

/// The last number of a list like `0-3`.
fn last_cpu(list: &str) -> String {
    list.rsplit(['-', ',']).next().unwrap_or("0").to_string()
}
