//! How many numbers there are.

use std::thread::available_parallelism;

use clone_pid::beyond::Report;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, note, step};
use ground::text::count;
use mount_ns::{MountNamespace, Proc};
use nix::sys::utsname::uname;

use crate::stage::boxed;

pub const EXPERIMENT: Experiment = Experiment {
    name: "pid-max",
    title: "pid_max: who sets it, whose it is, and what happens at the end of it",
    level: Level::Deep,
    claims: &["C051"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

const FILE: &str = "/proc/sys/kernel/pid_max";

fn run(findings: &mut Findings) -> Result<()> {
    step("How many process numbers are there, and how many CPUs?");
    let host = pid_max();
    let cpus = available_parallelism().map_or(1, |n| n.get() as u64);
    evidence(FILE, count(host));
    evidence("CPUs", count(cpus));
    let at_boot = host >= (1024 * cpus).max(32_768);
    conclude(
        "the kernel starts with 1024 for each CPU, and 32768 at least; systemd raises it to 4194304",
    );

    step("Whose is it? A box with numbers and a /proc of its own");
    let own = if own_for_each_namespace() { inside()? } else { Inside::shared() };
    evidence(format!("{FILE}, on the host"), count(pid_max()));
    let untouched = pid_max() == host;
    if own.refused && untouched {
        conclude(
            "since Linux 6.14 each PID namespace has its own, and whoever comes to its end gets EAGAIN: the box, not the host",
        );
    }
    findings.because(
        "at boot the larger of 32768 and 1024 for each CPU, often raised later; since 6.14 a PID namespace has its own",
    );
    findings.partly("C051", at_boot && untouched, own.refused || host != 1024 * cpus);
    Ok(())
}

struct Inside {
    refused: bool,
}

impl Inside {
    /// Before 6.14 there is one for all, and to write it in a box changes the host.
    fn shared() -> Inside {
        note(
            "this kernel has one pid_max for all: it is not written to, for that would change the host",
        );
        Inside { refused: false }
    }
}

/// In a box, with 400 numbers: fork until no more are left.
fn inside() -> Result<Inside> {
    let script = format!("write {FILE} 400; cat {FILE}; forks-until 600");
    let container = boxed(&script)?.with(MountNamespace::private()).with(Proc);
    let output = muted(|| container.start()?.output())?;
    let report = Report::parse(&output.text);
    let (forks, refusal) = (report.get("forks")?, report.get("refused")?);
    let limit = output.text.lines().find(|line| *line == "400").unwrap_or("something else");
    box_evidence(FILE, limit);
    box_evidence("forks, then", format!("{forks}, then {refusal}"));
    Ok(Inside { refused: refusal == "EAGAIN" && forks.parse::<u32>().unwrap_or(600) < 400 })
}

fn pid_max() -> u64 {
    let text = std::fs::read_to_string(FILE).unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}

/// Linux 6.14.
fn own_for_each_namespace() -> bool {
    let release = uname().map(|uts| uts.release().to_string_lossy().into_owned());
    let release = release.unwrap_or_default();
    let mut numbers = release.split(['.', '-']).map(|word| word.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(6), Some(14))
}
