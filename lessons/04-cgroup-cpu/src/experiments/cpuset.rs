//! Bound to some CPUs.

use cgroup_cpu::beyond::Kept;
use cgroup_cpu::{Cpuset, move_to, write};
use ground::Result;
use ground::cgroup::{Controller, Place, Version};
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use ground::text::name;
use nix::errno::Errno;

use crate::stage::{boxed, endless, one_cpu};

pub const EXPERIMENT: Experiment = Experiment {
    name: "cpuset",
    title: "a group bound to one CPU, and the order in which version 1 wants it",
    level: Level::Deep,
    claims: &["C080"],
    needs: &[Need::Admin, Need::Clone3, Need::CpusetController],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("A new cpuset, and a process that wants to enter it as it is");
    let kept = Kept::make("empty", &[Controller::CPUSET])?;
    let place = kept.place()?;
    let trap = enter_empty(&place)?;

    let cpu = one_cpu()?;
    step("A CPU that this machine does not have");
    let beyond = write(&place, "cpuset.cpus", 100_000, (Errno::ERANGE, "no such CPU"));
    let beyond = beyond.err().and_then(|e| e.errno()).is_some();

    step("A box born in a cpuset of one CPU");
    let boxed = boxed("cpus; spin 3600000")?.with(Cpuset::cpus(cpu.to_string()));
    let mut running = boxed.start()?;
    let allowed = running.line()?.unwrap_or_default();
    box_evidence("CPUs that sched_getaffinity(2) allows", allowed.trim_start_matches("cpus "));
    let process = running.child().process();
    let status = process.read("status")?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let list = list.unwrap_or_default().trim().to_string();
    evidence(format!("{}, Cpus_allowed_list", process.file("status")), name(&list));
    muted(|| running.kill())?;
    conclude(
        "it cannot be scheduled elsewhere, and programs that ask for the number of CPUs are told one",
    );
    findings.holds("C080", trap && beyond && allowed == "cpus 1" && list == cpu.to_string());
    Ok(())
}

/// v1 refuses; v2 takes the CPUs of the group around it.
fn enter_empty(place: &Place) -> Result<bool> {
    let running = muted(|| endless()?.start())?;
    let entered = move_to(place, running.child().pid());
    let as_expected = match place.version {
        Version::V1 => {
            conclude("without CPUs and memory nodes nobody comes in: both files are written first");
            entered.err().and_then(|e| e.errno()) == Some(Errno::ENOSPC)
        }
        Version::V2 => {
            let effective = place.read("cpuset.cpus.effective")?;
            evidence(place.shown("cpuset.cpus.effective"), name(&effective));
            conclude("an empty list means in version 2: those of the group around it");
            entered.is_ok() && !effective.is_empty()
        }
    };
    muted(|| running.kill())?;
    Ok(as_expected)
}
