//! wait and waitpid.

use clone_pid::beyond::Report;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, step};
use ground::text::time;

use crate::stage::boxed;

pub const EXPERIMENT: Experiment = Experiment {
    name: "wait-blocks",
    title: "waitpid blocks as wait does, unless it is told not to",
    level: Level::Deep,
    claims: &["C043"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("A child lives 200 ms. Its parent calls waitpid with WNOHANG, then without");
    let report = Report::of(boxed("wait-twice 200")?)?;
    for (key, call) in [("nohang", "waitpid(child, WNOHANG)"), ("blocking", "waitpid(child, 0)")] {
        let (returned, us) = (report.get(key)?, report.get(&format!("{key}-us"))?);
        box_evidence(call, format!("{returned} after {} µs", time(us)));
    }
    let us = |key| report.get(key).map(|word| word.parse::<u64>().unwrap_or(0));
    let at_once = report.get("nohang")? == "0";
    let blocked = report.get("blocking")? == "the child" && us("blocking-us")? > 100_000;
    if at_once && blocked {
        conclude(
            "wait(status) is waitpid(-1, status, 0): both block, and WNOHANG is what makes the difference",
        );
    }
    findings.because("waitpid blocks as well; only WNOHANG makes it look and return");
    findings.holds("C043", !(at_once && blocked));
    Ok(())
}
