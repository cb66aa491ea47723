//! A new PID namespace behind an old /proc.

use std::process;

use clone_pid::PidNamespace;
use clone_pid::beyond::{Report, probing};
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, step};
use ground::text::{count, pid};
use ground::{Result, proc};
use mount_ns::MountNamespace;

use crate::stage;

pub const EXPERIMENT: Experiment = Experiment {
    name: "stale-proc",
    title: "a copied /proc still shows the host's processes, under numbers that mean nothing inside",
    level: Level::Core,
    claims: &["C003"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "Start a box in a new PID namespace, with the copied /proc. How many processes are in it?",
    );
    evidence("processes in the host's /proc", count(proc::all()?.len()));
    // This lesson is one of those that the box can read of.
    let listed = process::id();
    let script = format!("report; stat /proc/{listed}/status; kill {listed} 0");
    let container = probing(&script)?.with(PidNamespace).with(MountNamespace::private());
    let running = container.start()?;
    let outside = running.child().pid().to_string();
    let report = Report::parse(&running.output()?.text);
    let own = report.get("pid")?;
    box_evidence("getpid()", own);
    let (processes, shown) = stage::look_at_proc(&report)?;
    let stale = processes > 1 && own == "1" && shown == outside;
    let unknown = readable_and_unknown(&report, listed);
    findings.holds("C003", stale && unknown);
    Ok(())
}

/// Whether the box could read of a process and not signal its number.
fn readable_and_unknown(report: &Report, listed: u32) -> bool {
    step(format!("It can read of this lesson, number {}. Can it signal that number?", pid(listed)));
    let readable = report.get("type").is_ok_and(|kind| kind == "file");
    let found = if readable { "a file" } else { "not there" };
    box_evidence(format!("/proc/{}/status", pid(listed)), found);
    let unknown = report.get("call").is_ok_and(|call| call.ends_with("ESRCH"));
    box_evidence(format!("kill({}, 0)", pid(listed)), if unknown { "ESRCH" } else { "there" });
    if readable && unknown {
        conclude("/proc speaks of the mounter's PID namespace, kill(2) of the caller's");
    }
    readable && unknown
}
