//! What a child gets, and what the next program gets.

use caps::sys::{SECBIT_NOROOT, set_securebits};
use caps::{CapSet, Capability, Privileges};
use clone_pid::Part;
use clone_pid::beyond::Report;
use ground::Result;
use ground::call::quietly;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::rootfs::probe;
use ground::story::{conclude, muted, step};

use crate::stage::{boxed, everything, run, tell, tell_set};

pub const EXPERIMENT: Experiment = Experiment {
    name: "over-exec",
    title: "fork copies the sets, execve computes them anew",
    level: Level::Deep,
    claims: &["C172"],
    needs: &[Need::Admin, Need::Clone3, Need::OtherUsers],
    run: look,
};

fn look(findings: &mut Findings) -> Result<()> {
    let program = probe()?.display().to_string();
    step(
        "A program of root's becomes user 1000 and keeps its permitted set. Its child, and the next program",
    );
    let forked = permitted("as 1000 keep; forked powers", everything()?, "the child")?;
    let executed = permitted(
        &format!("as 1000 keep; exec {program} powers"),
        everything()?,
        "the next program",
    )?;
    if forked != CapSet::NONE && executed == CapSet::NONE {
        conclude(
            "P'(permitted) = P(inheritable) & F(inheritable) | F(permitted) & bounding | P'(ambient): of a file without capabilities nothing but the ambient set",
        );
    }

    step("User 1000 with an ambient capability, and the next program");
    let one = CapSet::NONE.with(Capability::NET_BIND_SERVICE);
    let user = || Ok::<_, ground::Error>(Privileges::keep(one).user("1000".parse()?).ambient(one));
    let ambient = permitted(&format!("exec {program} powers"), user()?, "the next program")?;

    step("Root, who has dropped nothing but the bounding set, and the next program");
    let root =
        permitted(&format!("exec {program} powers"), Privileges::keep(one), "the next program")?;
    let nothing = without_the_rule_for_root()?;
    let copied = forked != CapSet::NONE;
    let recomputed =
        executed == CapSet::NONE && ambient == one && root == one && nothing == CapSet::NONE;
    findings.because("fork copies them; execve computes them anew, and of a user's only the ambient ones are left");
    findings.partly("C172", copied, recomputed);
    Ok(())
}

/// What root's next program has when user ID 0 means nothing to execve.
fn without_the_rule_for_root() -> Result<CapSet> {
    step("Root who has dropped nothing at all, but has the securebit NOROOT, and the next program");
    let script = format!("powers; syscall {} {}", libc::SYS_prctl, libc::PR_GET_SECUREBITS);
    let container = boxed(&script, everything()?)?.with(NoRoot);
    let report = muted(|| Report::of(container))?;
    let bits = tell(&report, "syscall", "PR_GET_SECUREBITS in the next program")?;
    let nothing = tell_set(&report, "CapPrm", "the next program")?;
    if bits.ends_with(" 1") && nothing == CapSet::NONE {
        conclude("that user ID 0 gets what the bounding set has is a rule, and can be turned off");
    }
    Ok(nothing)
}

/// The bit takes CAP_SETPCAP, which this box has.
struct NoRoot;

impl Part for NoRoot {
    fn seal(&mut self) -> Result<()> {
        quietly("prctl PR_SET_SECUREBITS").run(|| set_securebits(SECBIT_NOROOT))
    }
}

fn permitted(script: &str, privileges: Privileges, who: &str) -> Result<CapSet> {
    let report: Report = run(script, privileges)?;
    tell_set(&report, "CapPrm", who)
}
