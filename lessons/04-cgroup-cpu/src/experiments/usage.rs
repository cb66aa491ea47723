//! Two formulas for one process.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use std::time::{Duration, Instant};

use ground::interrupt;
use ground::proc::Process;
use ground::text::{count, time};
use nix::unistd::{SysconfVar, sysconf};

use crate::stage::{endless, own_cpus, schedule};

pub const EXPERIMENT: Experiment = Experiment {
    name: "usage",
    title: "ticks over elapsed ticks is the usage of one CPU; divided by all CPUs it is another number",
    level: Level::Deep,
    claims: &["C081", "C082"],
    needs: &[Need::Admin, Need::Clone3, Need::CpuController],
    run,
};

const SPAN: Duration = Duration::from_millis(800);

fn run(findings: &mut Findings) -> Result<()> {
    step("An endless loop. Read utime and stime of /proc/PID/stat, wait, read them again");
    let running = muted(|| endless()?.start())?;
    let process = running.child().process();
    let (start, before, exact) = (Instant::now(), ticks(&process)?, schedule(&process)?.0);
    interrupt::sleep(SPAN / 2);
    let between = ticks(&process)?;
    interrupt::sleep(SPAN / 2);
    let (after, elapsed) = (ticks(&process)?, start.elapsed().as_secs_f64());
    let exact = (schedule(&process)?.0 - exact).as_secs_f64();
    muted(|| running.kill())?;

    let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100) as f64;
    evidence("ticks a second, sysconf(_SC_CLK_TCK)", per_second);
    evidence(format!("{}, ticks used", process.file("stat")), count(after - before));
    let used = (after - before) as f64 / per_second;
    let of_one = used / elapsed * 100.0;
    evidence("over the ticks of one CPU, %", time(format_args!("{of_one:.1}")));
    evidence("the scheduler's own count, %", time(format_args!("{:.1}", exact / elapsed * 100.0)));
    // On a machine with one CPU the two are one; on two they are not.
    let cpus = own_cpus()?.len().max(2) as f64;
    let of_all = of_one / cpus;
    evidence(
        format!("over the ticks of {} CPUs, %", count(cpus)),
        time(format_args!("{of_all:.1}")),
    );
    conclude(
        "top shows the first, and with the key I the second: Irix mode and Solaris mode. A loop is 100 % of a CPU, and half of two",
    );

    let agrees = (used - exact).abs() < 0.15 * exact + 2.0 / per_second;
    let grows = before <= between && between <= after && before < after;
    findings.because("divided by the number of CPUs it is a share of the machine, not what a process uses of a CPU");
    findings.holds("C081", agrees && grows);
    findings.partly("C082", agrees && grows, of_all < of_one * 0.75);
    Ok(())
}

/// Fields 14 and 15; the name before them may hold anything but ends with the last parenthesis.
fn ticks(process: &Process) -> Result<u64> {
    let stat = process.read("stat")?;
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    Ok(rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum())
}
