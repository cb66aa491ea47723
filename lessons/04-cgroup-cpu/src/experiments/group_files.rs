//! A directory that the kernel fills.

use std::fs;

use cgroup_cpu::CpuLimit;
use cgroup_cpu::beyond::Kept;
use ground::Result;
use ground::call::doing;
use ground::cgroup::{Controller, Place, version};
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use ground::text::{count, path};
use nix::errno::Errno;

use crate::stage::{loops, on_v2, watch};

pub const EXPERIMENT: Experiment = Experiment {
    name: "group-files",
    title: "mkdir makes a group, the kernel fills it, rmdir removes it",
    level: Level::Core,
    claims: &["C063"],
    needs: &[Need::Admin, Need::Clone3, Need::CpuController, Need::MemoryController],
    run,
};

/// A controller, and the file by which it limits, in v1 and in v2.
const LIMITS: [(Controller, &str, &str); 4] = [
    (Controller::CPU, "cpu.cfs_quota_us", "cpu.max"),
    (Controller::MEMORY, "memory.limit_in_bytes", "memory.max"),
    (Controller::PIDS, "pids.max", "pids.max"),
    (Controller::IO, "blkio.throttle.read_bps_device", "io.max"),
];

fn run(findings: &mut Findings) -> Result<()> {
    step("Make a group with every controller that limits something, and look what is in it");
    let here = LIMITS.into_iter().filter(|(controller, ..)| version(*controller).is_some());
    let here: Vec<_> = here.collect();
    let controllers: Vec<Controller> = here.iter().map(|(controller, ..)| *controller).collect();
    let kept = Kept::make("a", &controllers)?;
    let filled = here.iter().map(|(controller, v1, v2)| {
        let place = kept.group.place(*controller)?;
        let file = if on_v2() { v2 } else { v1 };
        let files = place.files()?;
        evidence(format!("{}, files", path(place.dir.display())), count(files.len()));
        evidence(format!("{file}, among them"), files.iter().any(|name| name == file));
        Ok(files.iter().any(|name| name == file))
    });
    let filled: Result<Vec<bool>> = filled.collect();
    let filled = filled?.into_iter().all(|has| has);

    step("One of the limits, at work on an endless loop");
    let boxed = loops(&kept.group, "spin 3600000")?.with(CpuLimit::cores(0.1).of(&kept.group));
    let running = muted(|| boxed.start())?;
    let place = kept.place()?;
    let used = watch(&kept.group, std::time::Duration::from_millis(300), 0.1)?.told(&place);

    step("While the loop runs: remove one of the files, then the directory");
    let file = refused(&place, "rm", "cgroup.procs", |at| fs::remove_file(at))?;
    let busy = refused(&place, "rmdir", "", |at| fs::remove_dir(at))?;
    muted(|| running.kill())?;
    step("An empty group has all its files, too. Remove its directory");
    let gone = made_and_removed()?;
    let limited = used.cpu.throttled > 0;
    if (file, busy, gone) == (Errno::EPERM, Errno::EBUSY, true) {
        conclude("the files are the kernel's, and no obstacle; a process is one");
    }
    let kept_by_kernel = file == Errno::EPERM && busy == Errno::EBUSY && gone;
    findings.holds("C063", filled && limited && kept_by_kernel);
    Ok(())
}

/// The errno with which the kernel refuses.
fn refused(
    place: &Place,
    command: &str,
    file: &str,
    call: impl FnOnce(&std::path::Path) -> std::io::Result<()>,
) -> Result<Errno> {
    let at = if file.is_empty() { place.dir.clone() } else { place.dir.join(file) };
    let shown = path(at.display());
    let name = if command == "rm" { "unlink" } else { "rmdir" };
    let outcome = doing(format_args!("{name} {shown}"))
        .like_args(format_args!("{command} {shown}"))
        .run(|| call(&at));
    Ok(outcome.err().and_then(|e| e.errno()).unwrap_or(Errno::UnknownErrno))
}

/// A group of its own for this, for a dead process takes the kernel a moment.
fn made_and_removed() -> Result<bool> {
    let kept = Kept::cpu("b")?;
    let place = kept.place()?;
    kept.group.remove(Controller::CPU)?;
    Ok(!place.dir.exists())
}
