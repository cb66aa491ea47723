//! The clock has no namespace.

use caps::{CapSet, Privileges};
use clone_pid::beyond::{Report, TimeNamespace};
use ground::Result;
use ground::call::quietly;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use ground::text::time;

use crate::stage::{boxed, everything, run, tell, usual};

pub const EXPERIMENT: Experiment = Experiment {
    name: "clock",
    title: "the wall clock is the machine's, and takes CAP_SYS_TIME to set",
    level: Level::Deep,
    claims: &["C013"],
    needs: &[Need::InitialRoot, Need::Clone3, Need::TimeNamespaces, Need::Seccomp],
    run: look,
};

/// How much longer the box seems to be up.
const LONGER: u32 = 1_000_000;

fn look(findings: &mut Findings) -> Result<()> {
    step(
        "A box with the usual capabilities asks for the clock. With two null pointers settimeofday sets nothing, but asks for the capability",
    );
    let script = format!("syscall {} 0 0", libc::SYS_settimeofday);
    let refused = tell(&run(&script, Privileges::keep(CapSet::DEFAULT))?, "syscall", "the box")?;
    step("With CAP_SYS_TIME, and in a time namespace of its own");
    let container = boxed(&script, everything()?)?.with(TimeNamespace { uptime: LONGER });
    let allowed = muted(|| Report::of(container))?;
    let allowed = tell(&allowed, "syscall", "the box")?;

    step("What does a time namespace change?");
    let uptime =
        |text: &str| text.split([' ', '.']).next().and_then(|s| s.parse::<u64>().ok()).unwrap_or(0);
    let host =
        uptime(&quietly("read /proc/uptime").run(|| std::fs::read_to_string("/proc/uptime"))?);
    let container = boxed("cat /proc/uptime; cat /proc/self/timens_offsets", usual()?)?
        .with(TimeNamespace { uptime: LONGER });
    let said = muted(|| container.start()?.output())?.text;
    let inside = uptime(&said);
    evidence("/proc/uptime of the host, s", time(host));
    box_evidence("/proc/uptime of the box, s", time(inside));
    let clocks: Vec<_> =
        said.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    box_evidence("clocks with an offset", clocks.join(", "));
    let moved = inside >= host + u64::from(LONGER) && !clocks.contains(&"realtime");
    if moved {
        conclude("uptime has a namespace, the date has none");
    }
    let set = CapSet::DEFAULT.has("SYS_TIME".parse()?);
    findings
        .because("true for who has CAP_SYS_TIME in the initial user namespace, and a box has not");
    findings.partly(
        "C013",
        moved && !allowed.ends_with("EPERM"),
        refused.ends_with("EPERM") && !set,
    );
    Ok(())
}
