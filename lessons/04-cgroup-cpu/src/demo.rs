//! The demo: a loop without a limit, a group, a loop that is born in it, pause, and what the box sees of all that.

use std::time::Duration;

use cgroup_cpu::beyond::Kept;
use cgroup_cpu::{
    CgroupFs, CgroupNamespace, CpuAccount, CpuLimit, CpuWeight, Cpuset, Freezer, Group,
};
use clone_pid::beyond::probing;
use clone_pid::{PidNamespace, Running};
use ground::Result;
use ground::card::Card;
use ground::cgroup::{Controller, Frozen, layout, version, words};
use ground::interrupt;
use ground::story::{box_evidence, conclude, evidence, muted, note, output, step};
use ground::text::{count, path, pid, time};
use mount_ns::{MountNamespace, Proc, Sys};

use crate::stage::{self, endless, on_v2, one_cpu, tell_group, watch};

/// Tells the lesson.
pub fn demo() -> Result<()> {
    hierarchies()?;
    unlimited()?;
    let kept = by_hand()?;
    let running = born_limited(&kept.group)?;
    pause(&kept.group, &running)?;
    muted(|| running.kill())?;
    drop(kept);
    weight_and_cpus()?;
    what_it_sees()?;
    note(
        "shares against each other, threads, trees of groups, Kubernetes' numbers: the experiments of this lesson",
    );
    Ok(())
}

fn hierarchies() -> Result<()> {
    step("A cgroup is a directory. Where does this host have the tree of each controller?");
    for controller in [Controller::CPU, Controller::CPUSET, Controller::FREEZER] {
        let Some(mount) = layout()?.hierarchy(controller) else { continue };
        let kind = if mount.kind == "cgroup2" { "v2" } else { "v1" };
        let found = format!("{kind} at {}", path(mount.point.display()));
        evidence(format!("/proc/self/mountinfo, {}", controller.v1), found);
    }
    conclude(match on_v2() {
        true => "version 2: one tree for all controllers, and a process is in one group",
        false => {
            "version 1: each controller has a tree of its own, and a process is in a group of each"
        }
    });
    Ok(())
}

fn unlimited() -> Result<()> {
    step("First without a group: a box, its own PID namespace, and a loop that never ends");
    let running = endless()?.start()?;
    let process = running.child().process();
    tell_group(&process, Controller::CPU)?;
    let before = stage::schedule(&process)?;
    let span = Duration::from_millis(500);
    interrupt::sleep(span);
    let after = stage::schedule(&process)?;
    let (ran, waited) = (after.0 - before.0, after.1 - before.1);
    evidence(format!("{}, on a CPU, ms", process.file("schedstat")), time(ran.as_millis()));
    evidence(
        format!("{}, waiting for one, ms", process.file("schedstat")),
        time(waited.as_millis()),
    );
    conclude("it always wants a CPU, and gets all that the others leave. Namespaces limit nothing");
    muted(|| running.kill())?;
    Ok(())
}

fn by_hand() -> Result<Kept> {
    step("Make a group. The kernel fills the new directory with files");
    let kept = Kept::cpu("fifth")?;
    let place = kept.place()?;
    if let Some(parent) = place.parent().filter(|_| on_v2()) {
        let offered = words(&parent.dir.join("cgroup.subtree_control")).contains("cpu");
        let offered = if offered { "cpu is among them" } else { "cpu is not among them" };
        evidence(
            format!("{}, offered to groups below", parent.shown("cgroup.subtree_control")),
            offered,
        );
    }
    let (quota, weight) = match on_v2() {
        true => ("cpu.max", "cpu.weight"),
        false => ("cpu.cfs_quota_us", "cpu.shares"),
    };
    for file in [quota, weight] {
        evidence(place.shown(file), place.read(file)?);
    }
    evidence(
        place.shown("cgroup.procs"),
        match place.processes()?.len() {
            0 => "nobody",
            _ => "somebody",
        },
    );
    conclude("no limit yet, the usual weight, and nobody in it");
    Ok(kept)
}

fn born_limited(group: &Group) -> Result<Running> {
    step(
        "Now a box with a limit: 20 ms of CPU time in each 100 ms. It is written first; then the child is born in the group",
    );
    let container = endless()?.with(CpuLimit::cores(0.2).of(group)).with(CpuAccount::of(group));
    let running = container.with(Freezer::of(group)).start()?;
    tell_group(&running.child().process(), Controller::CPU)?;
    let place = group.place(Controller::CPU)?;
    let members = place.processes()?;
    evidence(
        place.shown("cgroup.procs"),
        members.iter().map(|p| pid(p).to_string()).collect::<Vec<_>>().join(" "),
    );
    step("Watch it for a second");
    let used = watch(group, Duration::from_secs(1), 0.2)?.told(&place);
    if used.cpu.throttled > 0 {
        conclude(
            "in most periods the quota was used up after 20 ms, and the loop stood still for the rest. Its first instruction was already counted",
        );
    }
    Ok(running)
}

fn pause(group: &Group, running: &Running) -> Result<()> {
    step("Pause it: no signal is sent, and the process cannot notice");
    let process = running.child().process();
    let paused = group.pause()?;
    let before = stage::schedule(&process)?.0;
    interrupt::sleep(Duration::from_millis(100));
    let grown = stage::schedule(&process)?.0 - before;
    evidence("CPU time used in 100 ms, ns", grown.as_nanos());
    paused.resume()?;
    interrupt::sleep(Duration::from_millis(250));
    let frozen = group.place(Controller::FREEZER)?.frozen()?;
    let again = stage::schedule(&process)?.0 - before > grown;
    if frozen == Frozen::No && again {
        conclude(
            "frozen it uses nothing, thawed it goes on where it was. `docker pause` is this file",
        );
    }
    Ok(())
}

fn weight_and_cpus() -> Result<()> {
    step("Two more files: a weight for when the CPUs are busy, and a list of CPUs");
    let cpu = one_cpu()?;
    let cpuset = version(Controller::CPUSET).is_some();
    let container = probing("cpus")?.with(PidNamespace).with(CpuWeight::shares(512));
    let container = if cpuset { container.with(Cpuset::cpus(cpu.to_string())) } else { container };
    let text = container.start()?.output()?.text;
    box_evidence("CPUs that sched_getaffinity(2) allows", text.trim().trim_start_matches("cpus "));
    conclude(
        "half the usual weight, and one CPU. A weight limits nobody while there is enough for all",
    );
    Ok(())
}

fn what_it_sees() -> Result<()> {
    step("What does a box see of its group? First with the host's view of cgroups");
    let read = "cat /proc/self/cgroup";
    let seen = |text: &str| -> Vec<String> {
        let wanted = |line: &&str| match on_v2() {
            true => line.starts_with("0::"),
            false => line.split(':').nth(1).is_some_and(|list| list.split(',').any(|c| c == "cpu")),
        };
        text.lines().filter(wanted).map(str::to_string).collect()
    };
    let limited =
        || Ok::<_, ground::Error>(probing(read)?.with(PidNamespace).with(CpuLimit::cores(0.2)));
    let text = muted(|| limited()?.start()?.output())?.text;
    told(&seen(&text));
    step("…then in a cgroup namespace of its own, with /sys/fs/cgroup mounted in it, read-only");
    let files =
        if on_v2() { "/sys/fs/cgroup/cpu.max" } else { "/sys/fs/cgroup/cpu/cpu.cfs_quota_us" };
    let script = format!("cat /proc/self/cgroup; cat {files}; write {files} 100000");
    let created = probing(&script)?
        .with(PidNamespace)
        .with(CpuLimit::cores(0.2))
        .with(CgroupNamespace)
        .with(MountNamespace::private())
        .with(Proc)
        .with(Sys::default())
        .with(CgroupFs::default())
        .create()?;
    Card::of(&created.child().process())?.tell()?;
    let text = created.start()?.output()?.text;
    told(&seen(&text));
    let refused = text.contains("EROFS");
    box_evidence(format!("write 100000 to {files}"), if refused { "EROFS" } else { "it could" });
    if refused {
        conclude(
            "its own group is the root of what it sees. It can read its limit, and not change it",
        );
    }
    Ok(())
}

/// Lines of /proc/PID/cgroup; the number of a v1 hierarchy and the name of a group vary.
fn told(lines: &[String]) {
    for line in lines {
        let fields: Vec<&str> = line.splitn(3, ':').collect();
        let [number, controllers, group] = fields[..] else { continue };
        let number = if number == "0" { "0".to_string() } else { count(number).to_string() };
        let group = if group == "/" { "/".to_string() } else { path(group).to_string() };
        output(format!("{number}:{controllers}:{group}"));
    }
}
