//! A /proc of the box's own, and the same processes as the host sees them.

use std::collections::BTreeSet;

use clone_pid::beyond::{Report, probing};
use clone_pid::{PidNamespace, Running};
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::Process;
use ground::proc::ns::Namespace;
use ground::story::{conclude, evidence, output, step};
use ground::text::pid;
use ground::{Result, proc};
use mount_ns::{MountNamespace, Proc};

use crate::stage;

pub const EXPERIMENT: Experiment = Experiment {
    name: "fresh-proc",
    title: "a fresh /proc shows the box's processes only, and the host still sees them all",
    level: Level::Core,
    claims: &["C003"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "Start a box with a /proc of its own. Its first process looks around, and has two children",
    );
    let boxed = probing("report; fork-tree 2")?.with(PidNamespace);
    let mut running = boxed.with(MountNamespace::private()).with(Proc).start()?;
    let report = Report::until(&mut running, "ready")?;
    let honest = stage::look_at_proc(&report)? == (1, "1");

    step("Send a guest into its mount namespace, to run `ps` there");
    let inside = listed_inside(&running)?;
    step("Look for the same processes in the host's /proc");
    let pairs = seen_from_host(&running)?;
    let outside: BTreeSet<i32> = pairs.iter().map(|(_, inside)| *inside).collect();
    let other_numbers = pairs.iter().all(|(outside, inside)| outside != inside);
    let one_way = inside == BTreeSet::from([1, 2, 3]) && outside == inside && other_numbers;
    if one_way {
        conclude("one-way: the host has a number for each of them, they see nobody of the host");
    }
    findings.holds("C003", honest && one_way);
    running.kill().map(drop)
}

/// The numbers that `ps` prints.
fn listed_inside(running: &Running) -> Result<BTreeSet<i32>> {
    let guest = probing("ps")?.with(MountNamespace::private()).join(running.child())?;
    let printed = guest.output()?.text;
    printed.lines().for_each(output);
    let number = |line: &str| line.split(' ').next()?.parse().ok();
    Ok(printed.lines().filter_map(number).collect())
}

/// Number here and number there of every process in the box's PID namespace.
fn seen_from_host(running: &Running) -> Result<Vec<(i32, i32)>> {
    let namespace = running.child().process().namespace(Namespace::Pid)?;
    let mut pairs = Vec::new();
    for number in proc::all()? {
        let process = Process::of(number);
        // Others come and go while we look.
        let (Ok(of), Ok(status)) = (process.namespace(Namespace::Pid), process.status()) else {
            continue;
        };
        if let (true, [.., inside]) = (of == namespace, &status.nspid[..]) {
            evidence(process.file("status NSpid"), format!("{} … {inside}", pid(number)));
            pairs.push((number.as_raw(), *inside));
        }
    }
    Ok(pairs)
}
