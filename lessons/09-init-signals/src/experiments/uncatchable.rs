//! The two that nobody can refuse.

use clone_pid::Output;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, muted, step};

use crate::stage::boxed;

pub const EXPERIMENT: Experiment = Experiment {
    name: "uncatchable",
    title: "SIGKILL and SIGSTOP take no handler, every other signal does",
    level: Level::Deep,
    claims: &["C032"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("A box tries to install a handler for each of the signals 1 to 31");
    let output: Output = muted(|| boxed("catch-all")?.start()?.output())?;
    let (taken, refused): (Vec<_>, Vec<_>) =
        output.text.lines().partition(|line| line.ends_with(" = 0"));
    refused.iter().for_each(|line| box_evidence("refused", line.trim_start_matches("call ")));
    box_evidence("taken", taken.len());
    let expected = ["call sigaction(SIGKILL) = -1 EINVAL", "call sigaction(SIGSTOP) = -1 EINVAL"];
    if refused == expected && taken.len() == 29 {
        conclude(
            "EINVAL for two, and 29 may be caught or ignored; 32 and up are real-time signals, which may, too",
        );
    }
    findings.holds("C032", refused == expected && taken.len() == 29);
    Ok(())
}
