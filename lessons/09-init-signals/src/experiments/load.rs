//! What makes up the load average.

use std::fs;
use std::time::Duration;

use clone_pid::Running;
use ground::Result;
use ground::call::quietly;
use ground::interrupt;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::Process;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use ground::text::{count, time};

use crate::stage::{boxed, comes_true, family, guest, started};

pub const EXPERIMENT: Experiment = Experiment {
    name: "load",
    title: "processes that wait in the kernel raise the load average and use no CPU",
    level: Level::Deep,
    claims: &["C053"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

/// So many that the load of others is small beside it.
const WAITING: usize = 300;

fn run(findings: &mut Findings) -> Result<()> {
    step(format!("{WAITING} processes in state D, each waiting for a child of its own by vfork"));
    evidence("/proc/loadavg, one minute", count(load()?));
    let running = started(boxed(&format!("vforks {WAITING}; hold"))?, "ready")?;
    let waiting = comes_true(|| Ok(in_state_d(&running)? == WAITING))?;
    evidence("processes of the box in state D", in_state_d(&running)?);
    let used = cpu_time(&running)?;
    step(
        "The kernel computes the average every five seconds, anew: 92 % of what it was and 8 % of the tasks there are now. Wait for that",
    );
    let counted = next_turn()?;
    evidence("/proc/loadavg, one minute", count(load()?));
    evidence("so many tasks were in those 8 %", count(counted));
    let raised = counted > WAITING * 3 / 4;
    let used = cpu_time(&running)?.saturating_sub(used);
    evidence("CPU time that they used meanwhile, in ms", time(used.as_millis()));
    let idle = used < Duration::from_millis(100);
    if raised && idle {
        conclude("they count like tasks that run, and used no CPU at all");
    }
    step("What does a box see?");
    let same = same_inside(&running)?;
    box_evidence("/proc/loadavg in the box", if same { "the host's" } else { "another" });
    muted(|| running.kill())?;
    findings.because(
        "a damped average of 1, 5 and 15 minutes, of the whole host: the same in every box",
    );
    findings.partly("C053", waiting && raised && idle, same);
    Ok(())
}

fn text() -> Result<String> {
    quietly("read /proc/loadavg").run(|| fs::read_to_string("/proc/loadavg"))
}

fn load() -> Result<f64> {
    Ok(text()?.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0.0))
}

/// The number of tasks that the kernel must have counted to come to the next average.
fn next_turn() -> Result<usize> {
    let (before, kept) = (load()?, (-5.0_f64 / 60.0).exp());
    for _ in 0..110 {
        let now = load()?;
        if now != before {
            return Ok(((now - before * kept) / (1.0 - kept)) as usize);
        }
        interrupt::sleep(Duration::from_millis(100));
    }
    Ok(0)
}

fn in_state_d(running: &Running) -> Result<usize> {
    Ok(family(running)?.iter().filter(|(_, status)| status.state == 'D').count())
}

/// What the waiting processes have used since they began.
fn cpu_time(running: &Running) -> Result<Duration> {
    let used = |pid| {
        let text = Process::of(pid).read("schedstat")?;
        Ok(text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0))
    };
    let all: Result<u64> = family(running)?.iter().map(|(pid, _)| used(*pid)).sum();
    Ok(Duration::from_nanos(all?))
}

/// The three averages, read inside and outside; they may change between the two.
fn same_inside(running: &Running) -> Result<bool> {
    let averages = |text: &str| text.split(' ').take(3).collect::<Vec<_>>().join(" ");
    for _ in 0..5 {
        let inside = muted(|| guest(running, "cat /proc/loadavg"))?.text;
        if averages(&inside) == averages(&text()?) {
            return Ok(true);
        }
    }
    Ok(false)
}
