//! Docker's flags.

use cgroup_cpu::{CpuAccount, CpuLimit};
use ground::Result;
use ground::cgroup::Controller;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};

use crate::stage::{endless, on_v2, tell_group};

pub const EXPERIMENT: Experiment = Experiment {
    name: "docker-flags",
    title: "run --cpu-period --cpu-quota, and the files that come of it",
    level: Level::Deep,
    claims: &["C070"],
    needs: &[Need::Admin, Need::Clone3, Need::CpuController],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "What run --cpu-period=100000 --cpu-quota=20000 builds: the limit, and a box born in its group",
    );
    let limit = CpuLimit::quota(20_000, 100_000);
    let running = endless()?.with(limit).with(CpuAccount::default()).start()?;
    step("Find the group as anybody could: by /proc/PID/cgroup, and the mount of the hierarchy");
    let group = tell_group(&running.child().process(), Controller::CPU)?;
    let place = ground::cgroup::below(Controller::CPU, group.as_ref())?;
    let (file, expected) = match on_v2() {
        true => ("cpu.max", "20000 100000"),
        false => ("cpu.cfs_quota_us", "20000"),
    };
    let quota = place.read(file)?;
    evidence(place.shown(file), &quota);
    let members = if on_v2() { "cgroup.procs" } else { "tasks" };
    let inside = place.read(members)? == running.child().pid().to_string();
    evidence(place.shown(members), if inside { "the box's PID 1" } else { "somebody else" });
    muted(|| running.kill())?;
    conclude(
        "Docker with the cgroupfs driver makes docker/ID instead of our name, with the systemd driver system.slice/docker-ID.scope: ask the kernel for the path",
    );
    findings.holds("C070", quota == expected && inside);
    Ok(())
}
