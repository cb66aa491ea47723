//! What a privileged box has.

use caps::CapSet;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, step};

use crate::stage::{run_line, tell, tell_set};

pub const EXPERIMENT: Experiment = Experiment {
    name: "privileged",
    title: "--privileged takes away every protection, not only that of capabilities",
    level: Level::Core,
    claims: &["C174"],
    needs: &[Need::InitialRoot, Need::Clone3, Need::MountSetattr, Need::Seccomp],
    run: look,
};

const QUESTIONS: &str = "powers; readable /dev/kmsg; writable /proc/sys/kernel/core_pattern";

fn look(findings: &mut Findings) -> Result<()> {
    step(
        "The same questions to a box, and to a privileged one: nothing is read or written, only opened",
    );
    let usual = run_line(&[], QUESTIONS)?;
    let privileged = run_line(&["--privileged"], QUESTIONS)?;
    let mut all = CapSet::NONE;
    let mut differ = Vec::new();
    for (report, who) in [(&usual, "the box"), (&privileged, "the privileged one")] {
        all = tell_set(report, "CapEff", who)?;
        differ.push([
            tell(report, "Seccomp", who)?,
            tell(report, "/dev/kmsg", who)?,
            tell(report, "/proc/sys/kernel/core_pattern", who)?,
        ]);
    }
    let capabilities = all == CapSet::available()?;
    let more = differ[0].iter().zip(&differ[1]).all(|(usual, privileged)| usual != privileged);
    if capabilities && more {
        conclude(
            "all capabilities; and also no filter of calls, the machine's devices, a writable /proc/sys",
        );
    }
    findings.because(
        "it also opens all devices, drops the seccomp profile, and uncovers /proc and /sys",
    );
    findings.partly("C174", capabilities, more);
    Ok(())
}
