//! Every namespace, and no limit.

use std::time::Duration;

use cgroup_cpu::beyond::Kept;
use cgroup_cpu::{CgroupNamespace, CpuLimit};
use clone_pid::beyond::probing;
use clone_pid::{Container, IpcNamespace, Part, PidNamespace, UtsNamespace};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::Process;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use ground::text::{count, size, time};
use mount_ns::MountNamespace;
use nix::sched::CloneFlags;

use crate::stage::{loops, schedule, watch};

pub const EXPERIMENT: Experiment = Experiment {
    name: "unlimited",
    title: "a box with every namespace and no group takes what it wants",
    level: Level::Core,
    claims: &["C012"],
    needs: &[Need::Admin, Need::Clone3, Need::CpuController, Need::NetworkNamespaces],
    run,
};

const MIB: u64 = 48;
const SPAN: Duration = Duration::from_millis(400);

/// A network namespace; lesson 06 furnishes it.
struct Network;

impl Part for Network {
    fn namespaces(&self) -> CloneFlags {
        CloneFlags::CLONE_NEWNET
    }
}

fn isolated(container: Container) -> Container {
    container
        .with(PidNamespace)
        .with(UtsNamespace { hostname: None })
        .with(IpcNamespace)
        .with(CgroupNamespace)
        .with(MountNamespace::private())
        .with(Network)
}

fn run(findings: &mut Findings) -> Result<()> {
    step("In PID, UTS, IPC, mount, cgroup and network namespaces of its own: an endless loop");
    let wanted = endless()?;
    step(format!("…and {MIB} MiB of memory, every page written"));
    let held = memory()?;
    conclude("it has its own numbers, names, mounts and devices, and the host's CPUs and memory");
    step("The same loop in the same namespaces, in a group with a tenth of a CPU");
    let kept = Kept::cpu("a")?;
    let boxed = loops(&kept.group, "spin 3600000")?.with(CpuLimit::cores(0.1).of(&kept.group));
    let running = muted(|| boxed.start())?;
    let used = watch(&kept.group, SPAN, 0.1)?.told(&kept.place()?);
    muted(|| running.kill())?;
    findings.holds("C012", wanted > 0.8 && held >= MIB && used.cpu.throttled > 0);
    Ok(())
}

/// The part of the time in which it had a CPU or waited for one that another had: nothing else stopped it.
fn endless() -> Result<f64> {
    let running = muted(|| isolated(probing("spin 3600000")?).start())?;
    let process = running.child().process();
    let before = schedule(&process)?;
    ground::interrupt::sleep(SPAN);
    let after = schedule(&process)?;
    let (ran, waited) = (after.0 - before.0, after.1 - before.1);
    evidence(format!("{}, ran, ms", process.file("schedstat")), time(ran.as_millis()));
    evidence(format!("{}, waited, ms", process.file("schedstat")), time(waited.as_millis()));
    muted(|| running.kill())?;
    Ok((ran + waited).as_secs_f64() / SPAN.as_secs_f64())
}

/// How many MiB a box holds that asked for some, and what it thinks that there is.
fn memory() -> Result<u64> {
    let script = format!("cat /proc/meminfo; touch {MIB}");
    let mut running = muted(|| isolated(probing(&script)?).start())?;
    let mut total = String::new();
    while let Some(line) = running.line()?.filter(|line| line != "ready") {
        if let Some(kib) = line.strip_prefix("MemTotal:") {
            total = kib.trim().to_string();
        }
    }
    box_evidence("/proc/meminfo, MemTotal", size(total));
    let process = running.child().process();
    let held = resident(&process)? >> 10;
    evidence(format!("{}, VmRSS, MiB", process.file("status")), count(held));
    muted(|| running.kill())?;
    Ok(held)
}

/// KiB of memory that a process holds.
fn resident(process: &Process) -> Result<u64> {
    let status = process.read("status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    Ok(number.unwrap_or(0))
}
