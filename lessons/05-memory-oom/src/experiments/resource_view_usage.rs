//! The account of a group, in two units.

use clone_pid::beyond::Report;
use ground::Result;
use ground::cgroup::{Controller, Place, Version};
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use ground::text::time;
use memory_oom::beyond::Kept;
use nix::unistd::{SysconfVar, sysconf};

use crate::stage::boxed;

pub const EXPERIMENT: Experiment = Experiment {
    name: "resource-view-usage",
    title: "user and system time of all processes of a group, those that ended included",
    level: Level::Deep,
    claims: &["C086"],
    needs: &[Need::Admin, Need::Clone3, Need::CpuController],
    run,
};

/// CPU time, in µs, of which either kind gets some ticks.
const ENOUGH: u64 = 400_000;

fn run(findings: &mut Findings) -> Result<()> {
    step("In a new group one box computes for a while, and another one has the kernel copy");
    let kept = Kept::make("a", &[Controller::CPUACCT])?;
    let mut members = 0;
    // By the clock they run 600 ms; on a busy machine they get less, and ticks are counted in tens of ms.
    for _ in 0..20 {
        members += member(&kept, "spin 300")? + member(&kept, "copy 300")?;
        if members >= ENOUGH {
            break;
        }
    }
    box_evidence("clock_gettime CLOCK_PROCESS_CPUTIME_ID, the sum of both, µs", time(members));
    let used = Used::of(&kept.place()?)?;
    let sum = used.user + used.system;
    let close = |a: u64, b: u64| a.abs_diff(b) <= b / 20 + 20_000;
    if close(sum, used.usage) && used.usage >= members {
        conclude(
            "user and system time together are the time used; what the processes did before their first line is in it",
        );
    }
    // The two boxes are also charged for execve and for their end.
    let accounted = used.usage >= members && used.usage <= members * 2 + 1_000_000;
    let both = used.user > 0 && used.system > 0;
    findings.holds("C086", close(sum, used.usage) && accounted && both);
    Ok(())
}

/// CPU time that a box says it has used, in µs.
fn member(kept: &Kept, script: &str) -> Result<u64> {
    let container = boxed(script)?.with(kept.member());
    let report = Report::parse(&muted(|| container.start()?.output())?.text);
    Ok(report.get("cpu-us")?.parse().unwrap_or(0))
}

/// All in µs.
struct Used {
    user: u64,
    system: u64,
    usage: u64,
}

impl Used {
    fn of(place: &Place) -> Result<Used> {
        let file = if place.version == Version::V1 { "cpuacct.stat" } else { "cpu.stat" };
        let text = place.read(file)?;
        let shown = place.shown(file);
        let value = |key: &str, unit: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
            let value: u64 = line.and_then(|value| value.parse().ok()).unwrap_or(0);
            evidence(format!("{shown}, {key}{unit}"), time(value));
            value
        };
        if place.version == Version::V2 {
            let [user, system, usage] =
                ["user_usec", "system_usec", "usage_usec"].map(|k| value(k, ""));
            return Ok(Used { user, system, usage });
        }
        let tick = 1_000_000 / sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100) as u64;
        let [user, system] = ["user", "system"].map(|key| value(key, " in ticks") * tick);
        let usage = place.number("cpuacct.usage")?;
        evidence(format!("{}, ns", place.shown("cpuacct.usage")), time(usage));
        Ok(Used { user, system, usage: usage / 1000 })
    }
}
