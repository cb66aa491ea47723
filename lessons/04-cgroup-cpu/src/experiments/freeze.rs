//! Frozen.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use std::time::Duration;

use cgroup_cpu::{Freezer, Group};
use clone_pid::Status;
use ground::cgroup::{Controller, Version};
use ground::interrupt;

use crate::stage::{endless, schedule};

pub const EXPERIMENT: Experiment = Experiment {
    name: "freeze",
    title: "a frozen box uses nothing, and what a signal does to it",
    level: Level::Deep,
    claims: &["C204"],
    needs: &[Need::Admin, Need::Clone3, Need::Freezer],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("Pause a loop, and look at its CPU time twice");
    let group = Group::named("frozen");
    let running = endless()?.with(Freezer::of(&group)).start()?;
    let process = running.child().process();
    let paused = group.pause()?;
    let before = schedule(&process)?.0;
    interrupt::sleep(Duration::from_millis(50));
    let still = schedule(&process)?.0 == before;
    evidence(process.file("schedstat"), if still { "has not grown" } else { "has grown" });

    step("Kill it while it is frozen");
    running.signal(9)?;
    let outlasts = running.outlasts(Duration::from_millis(100));
    evidence("after 100 ms it is", if outlasts { "still there" } else { "dead" });
    let version = group.place(Controller::FREEZER)?.version;
    step("Thaw it");
    paused.resume()?;
    let status = muted(|| running.wait())?;
    evidence("the box", status);
    let killed = status == Status::Killed(9);
    conclude(told(version, outlasts, killed));
    let as_told = outlasts == (version == Version::V1);
    findings.holds("C204", !before.is_zero() && still && killed && as_told);
    Ok(())
}

fn told(version: Version, outlasts: bool, killed: bool) -> &'static str {
    match (version, outlasts, killed) {
        (Version::V1, true, true) => {
            "in version 1 the signal waits until the box is thawed: to end a paused box, kill it and thaw it"
        }
        (Version::V2, false, true) => "in version 2 SIGKILL goes through to a frozen process",
        (Version::V1, false, true) => "SIGKILL went through to a frozen process, in version 1",
        (Version::V2, true, true) => "SIGKILL waited for the thaw, in version 2",
        (_, _, false) => "it was not SIGKILL that ended it",
    }
}
