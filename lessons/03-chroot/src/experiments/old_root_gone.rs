//! What is left of the host in a pivoted box: looked for in its mount table and among its descriptors.

use std::fs;

use clone_pid::Child;
use ground::Result;
use ground::call::quietly;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::Process;
use ground::rootfs::probe;
use ground::story::{conclude, evidence, step};
use ground::text::count;

use crate::boxes::{PROBE, guest, pivoted};

pub const EXPERIMENT: Experiment = Experiment {
    name: "old-root-gone",
    title: "before seal the host is behind a curtain, after it the host is gone",
    level: Level::Deep,
    claims: &["C198"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

/// The mounts of the box's own.
const OWN: [&str; 2] = ["/", "/proc"];

fn run(findings: &mut Findings) -> Result<()> {
    step("Stop a box between enter and seal: it is furnished, and the old root still there");
    let created = pivoted(&["sleep", "60"])?.create()?;
    let held = descriptors_of_host(created.child())?;
    let before = mounts(created.child(), &probe()?.to_string_lossy())?;
    step("Let it seal itself: pivot_root, umount");
    let running = created.start()?;
    let still_held = descriptors_of_host(running.child())?;
    let after = mounts(running.child(), PROBE)?;
    evidence("mount points of the box now", after.join(" "));
    let gone = still_held == 0 && after == OWN;
    conclude(match gone {
        true => {
            "no mount of the host is left in the namespace, and no descriptor that leads to one"
        }
        false => "there is more than the box's own two mounts, or a descriptor of the host's root",
    });
    findings.holds("C198", gone && held == 1 && before.len() > OWN.len());
    Ok(())
}

/// How many descriptors of a process lead to the host's root directory.
fn descriptors_of_host(child: &Child) -> Result<usize> {
    let (host, process) = (Process::this().root()?, child.process());
    let dir = format!("/proc/{}/fd", child.pid());
    let entries = quietly(format_args!("list {}", process.file("fd"))).run(|| fs::read_dir(dir))?;
    let names = entries.flatten().map(|entry| format!("fd/{}", entry.file_name().display()));
    let found = names.filter(|name| process.identity(name).is_ok_and(|file| file == host)).count();
    evidence(format!("{}, descriptors of the host's root", process.file("fd")), found);
    Ok(found)
}

/// The mount points of the namespace. `mountinfo` leaves out what a process cannot reach from its own root, so a guest's
/// is read, whose root is the namespace's.
fn mounts(child: &Child, program: &str) -> Result<Vec<String>> {
    let guest = guest(child, program)?;
    let process = guest.child().process();
    let points = process.mounts()?.into_iter().map(|mount| mount.point.display().to_string());
    let points: Vec<_> = points.collect();
    evidence(format!("{}, mounts", process.file("mountinfo")), count(points.len()));
    Ok(points)
}
