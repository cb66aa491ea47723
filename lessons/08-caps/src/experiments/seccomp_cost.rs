//! What a filter costs.

use caps::beyond::seccomp::Profile;
use caps::{CapSet, Seccomp};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, step};
use ground::text::{count, time};

use crate::stage::{everything, run};

pub const EXPERIMENT: Experiment = Experiment {
    name: "seccomp-cost",
    title: "for a call that is always allowed the length of a filter costs nothing",
    level: Level::Deep,
    claims: &["C233"],
    needs: &[Need::Admin, Need::Clone3, Need::Seccomp],
    run: look,
};

/// A handful of instructions; getppid is not in it.
const SHORT: &str = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["acct"],
    "action": "SCMP_ACT_ERRNO"}]}"#;

/// Reads all six arguments of getppid, which has none, at each call.
const CURIOUS: &str = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getppid"],
    "action": "SCMP_ACT_ERRNO", "args": [
        {"index": 0, "value": 18446744073709551615, "op": "SCMP_CMP_LE"},
        {"index": 1, "value": 18446744073709551615, "op": "SCMP_CMP_LE"},
        {"index": 2, "value": 18446744073709551615, "op": "SCMP_CMP_LE"},
        {"index": 3, "value": 18446744073709551615, "op": "SCMP_CMP_LE"},
        {"index": 4, "value": 18446744073709551615, "op": "SCMP_CMP_LE"},
        {"index": 5, "value": 3735928559, "op": "SCMP_CMP_EQ"}]}]}"#;

fn look(findings: &mut Findings) -> Result<()> {
    step(
        "20000 times getppid, the best of 21 rounds: without a filter, with a short one, with the usual one, and with a rule about its arguments",
    );
    let of = |text| Seccomp::of(&Profile::parse(text)?, CapSet::NONE);
    let usual = Seccomp::default_profile(CapSet::DEFAULT)?;
    let filters = [Seccomp::unconfined(), of(SHORT)?, usual, of(CURIOUS)?];
    let names = ["no filter", "a short one", "the usual one", "a rule about arguments"];
    let mut best = [f64::MAX; 4];
    // In turn, so that a busy machine is so for all of them.
    for _ in 0..21 {
        for (best, filter) in best.iter_mut().zip(&filters) {
            *best = best.min(nanoseconds(filter)?);
        }
    }
    for ((name, filter), ns) in names.iter().zip(&filters).zip(best) {
        let (programs, instructions) = filter.size();
        let size = format!("{} instructions in {programs} programs", count(instructions));
        box_evidence(
            format!("{name}, {size}"),
            format!("{} ns a call", time(format_args!("{ns:.1}"))),
        );
    }
    let [_, short, usual, _] = best;
    // A hundred comparisons at each call would make it twice as much.
    let remembered = usual < short * 1.3;
    if remembered {
        conclude("the program is not run: the kernel remembers for which calls it always says yes");
    }
    findings.holds("C233", remembered);
    Ok(())
}

fn nanoseconds(filter: &Seccomp) -> Result<f64> {
    let report = run("getppid-loop 20000", everything()?.seccomp(filter.clone()))?;
    Ok(report.get("ns-per-call")?.parse().unwrap_or(f64::MAX))
}
