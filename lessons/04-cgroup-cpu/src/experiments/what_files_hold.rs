//! What is in the files of a group.

use cgroup_cpu::beyond::Kept;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use std::fs;

use ground::text::count;

use crate::stage::{loops, on_v2};

pub const EXPERIMENT: Experiment = Experiment {
    name: "what-files-hold",
    title: "of all files of a group two list who is in it; the others are values",
    level: Level::Deep,
    claims: &["C067"],
    needs: &[Need::Admin, Need::Clone3, Need::CpuController],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("A loop in a group. Read every file of the group, and look for the loop's number");
    let kept = Kept::cpu("a")?;
    let running = muted(|| loops(&kept.group, "spin 3600000")?.start())?;
    let place = kept.place()?;
    let number = running.child().pid().to_string();
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for file in place.files()? {
        // Some can only be written.
        let Ok(text) = fs::read_to_string(place.dir.join(&file)) else { continue };
        match text.lines().any(|line| line == number) {
            true => with.push(file),
            false => without.push(file),
        }
    }
    evidence("files that hold the number", with.join(" "));
    evidence("files that do not", count(without.len()));
    let quota = if on_v2() { "cpu.max" } else { "cpu.cfs_quota_us" };
    evidence(place.shown(quota), place.read(quota)?);
    muted(|| running.kill())?;
    conclude("who is in a group, what it may use and what it has used are different files");
    findings.because("the file is cpu.cfs_quota_us, in v2 cpu.max, and it holds a parameter");
    findings.holds("C067", with.iter().any(|file| file == quota));
    Ok(())
}
