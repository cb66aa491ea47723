//! One group for each controller, or one for all.

use cgroup_cpu::beyond::Kept;
use cgroup_cpu::{Cpuset, move_to};
use clone_pid::Part;
use ground::Result;
use ground::cgroup::Controller;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, muted, step};

use crate::stage::{endless, on_v2, tell_group};

pub const EXPERIMENT: Experiment = Experiment {
    name: "one-or-many",
    title: "in v1 a process is in a group of each hierarchy, in v2 in one group",
    level: Level::Core,
    claims: &["C069"],
    needs: &[Need::Admin, Need::Clone3, Need::CpuController, Need::CpusetController],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "Two groups, a with the cpu controller and b with cpuset. Move one process into a, then into b",
    );
    let a = Kept::cpu("a")?;
    let b = Kept::make("b", &[Controller::CPUSET])?;
    // In v1 nobody can enter a cpuset without CPUs.
    muted(|| Cpuset::new(None, None).of(&b.group).prepare())?;
    let running = muted(|| endless()?.start())?;
    let (process, number) = (running.child().process(), running.child().pid());
    move_to(&a.place()?, number)?;
    let first = tell_group(&process, Controller::CPU)?;
    move_to(&b.place()?, number)?;
    let cpu = tell_group(&process, Controller::CPU)?;
    let cpuset = if on_v2() { cpu.clone() } else { tell_group(&process, Controller::CPUSET)? };
    muted(|| running.kill())?;
    let as_said = match on_v2() {
        true => {
            conclude(
                "to enter b was to leave a: one process, one group, and all its controllers act on the same processes",
            );
            first.ends_with("-a") && cpu.ends_with("-b")
        }
        false => {
            conclude(
                "it is in a for its quota and in b for its CPUs. No controller knows of the other's groups",
            );
            first == cpu && cpu.ends_with("-a") && cpuset.ends_with("-b")
        }
    };
    findings.because(match on_v2() {
        true => "this host shows version 2's half of it",
        false => "this host shows version 1's half of it",
    });
    findings.holds("C069", as_said);
    Ok(())
}
