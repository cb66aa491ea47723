//! Where the hierarchies are, and what a process says of its groups.

use cgroup_cpu::beyond::Kept;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use std::collections::BTreeSet;

use ground::cgroup::{Controller, layout, words};
use ground::proc::Process;
use ground::text::{count, path};

use crate::stage::{loops, on_v2, tell_group};

pub const EXPERIMENT: Experiment = Experiment {
    name: "hierarchies",
    title: "one file system for each controller, or one for all; /proc/PID/cgroup names the groups",
    level: Level::Deep,
    claims: &["C062", "C066"],
    needs: &[Need::Admin, Need::Clone3, Need::CpuController],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("Which cgroup file systems are mounted, and is each directory in them a controller?");
    let layout = layout()?;
    let v1: BTreeSet<&str> = layout.v1_controllers().into_iter().collect();
    evidence("mounts of type cgroup, one for each v1 controller", count(v1.len()));
    let unified = layout.v2().map(|mount| mount.point.join("cgroup.controllers"));
    let in_v2 = unified.as_deref().map(words).unwrap_or_default();
    let v2 = match &unified {
        Some(file) => format!("{}: {} controllers", path(file.display()), count(in_v2.len())),
        None => "not mounted".to_string(),
    };
    evidence("mount of type cgroup2", v2);
    let one_tree = unified.is_some_and(|file| file.exists());
    conclude(
        "version 1 has a directory for each controller. Version 2 has one tree, and a file that lists the controllers",
    );

    step("Start a box in a group, and read its /proc/PID/cgroup");
    let kept = Kept::cpu("a")?;
    let running = muted(|| loops(&kept.group, "spin 3600000")?.start())?;
    let process = running.child().process();
    let group = tell_group(&process, Controller::CPU)?;
    let named = lines_agree(&process, &v1)?;
    muted(|| running.kill())?;
    findings.because(
        "where one hierarchy is version 2, its directories are groups, and none is a controller",
    );
    findings.outdated("C062", one_tree);
    findings.holds("C066", named && group.ends_with("-a"));
    Ok(())
}

/// Every mounted v1 controller has a line, and v2 has the line that begins with `0::`.
fn lines_agree(process: &Process, mounted: &BTreeSet<&str>) -> Result<bool> {
    let groups = process.cgroups()?;
    let lines = |v2| groups.iter().filter(|group| group.is_v2() == v2).count();
    evidence(format!("{}, lines of v1 hierarchies", process.file("cgroup")), count(lines(false)));
    evidence(format!("{}, lines of v2", process.file("cgroup")), lines(true));
    let named: BTreeSet<&str> =
        groups.iter().flat_map(|group| &group.controllers).map(String::as_str).collect();
    Ok(mounted.is_subset(&named) && (lines(true) == 1 || !on_v2()))
}
