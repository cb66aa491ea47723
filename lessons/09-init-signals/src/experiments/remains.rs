//! What is left of a process that has ended.

use clone_pid::beyond::Report;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::Process;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use ground::text::{size, time};

use crate::stage::{boxed, family, started, until_all};

pub const EXPERIMENT: Experiment = Experiment {
    name: "remains",
    title: "a zombie keeps its number, its exit status and the sum of what it used",
    level: Level::Deep,
    claims: &["C041"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("A child works for 50 ms and exits with 42; PID 1 does not wait for it yet");
    let mut running = started(boxed("die 42 50; await USR1; wait4 2; hold")?, "zombie 2")?;
    muted(|| until_all(&mut running, &["awaiting"]))?;
    let zombie = family(&running)?[0].0;
    let status = Process::of(zombie).read("status")?;
    let line = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    evidence("State", line("State:").unwrap_or("?"));
    evidence("VmRSS", line("VmRSS:").unwrap_or("no such line"));
    evidence("FDSize", line("FDSize:").unwrap_or("?"));
    let bare = line("State:") == Some("Z (zombie)")
        && line("VmRSS:").is_none()
        && line("FDSize:") == Some("0");
    if bare {
        conclude(
            "no memory and no files: what is left is an entry in the table of processes, and its number",
        );
    }
    step("Now PID 1 waits");
    running.signal(libc::SIGUSR1)?;
    let report = Report::until(&mut running, "again")?;
    box_evidence("exit status", report.get("status")?);
    box_evidence("time on a CPU, in ms", time(report.get("user-ms")?));
    box_evidence("most memory, in KiB", size(report.get("resident-kib")?));
    box_evidence("a second wait", report.get("again")?);
    let gone = family(&running)?.is_empty();
    evidence("children of PID 1", family(&running)?.len());
    muted(|| running.kill())?;
    let number = |key| report.get(key).map(|word| word.parse::<u64>().unwrap_or(0));
    let kept =
        report.get("status")? == "42" && number("user-ms")? > 0 && number("resident-kib")? > 0;
    if kept && gone {
        conclude(
            "that is what it was kept for: status and use, once, for its parent. Then the number is free",
        );
    }
    findings.holds("C041", bare && kept && gone);
    Ok(())
}
