//! The group of a container, from its making to its end.

use ground::Result;
use ground::cgroup::{Controller, below};
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, step};
use ground::text::path;
use memory_oom::PidsLimit;

use crate::stage::{boxed, on_v2};

pub const EXPERIMENT: Experiment = Experiment {
    name: "own-group",
    title: "a runtime makes a directory for each container, and writes pids.max there",
    level: Level::Deep,
    claims: &["C050"],
    needs: &[Need::Admin, Need::Clone3, Need::PidsController],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("What run --pids-limit 64 builds");
    let running = boxed("hold")?.with(PidsLimit::tasks(64)).start()?;
    step("Find the group from the process: /proc/PID/cgroup, and where the hierarchy is mounted");
    let process = running.child().process();
    let pids = |c: &String| c == "pids";
    let found = process.cgroups()?.into_iter().find(|group| match on_v2() {
        true => group.is_v2(),
        false => group.controllers.iter().any(pids),
    });
    let group = found.map(|group| group.path).unwrap_or_default();
    evidence(process.file("cgroup"), format!("…:{}", path(&group)));
    let place = below(Controller::PIDS, group.as_ref())?;
    let most = place.read("pids.max")?;
    evidence(place.shown("pids.max"), &most);
    let inside = place.processes()? == [running.child().pid()];
    evidence(place.shown("cgroup.procs"), if inside { "the box's PID 1" } else { "somebody else" });
    step("End the box");
    running.kill()?;
    let gone = !place.dir.exists();
    evidence(path(place.dir.display()), if gone { "gone" } else { "still there" });
    if inside && gone {
        conclude(match on_v2() {
            true => "in v2 the same directory holds the files of all controllers",
            false => "in v1 it is one directory in each hierarchy, of the same name",
        });
    }
    findings.holds("C050", most == "64" && inside && gone);
    Ok(())
}
