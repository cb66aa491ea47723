//! A filter forbids numbers.

use caps::beyond::seccomp::Profile;
use caps::{CapSet, Privileges, Seccomp};
use clone_pid::Status;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, muted, step};

use crate::stage::{boxed, everything, run, tell};

pub const EXPERIMENT: Experiment = Experiment {
    name: "seccomp-kill",
    title: "a filter without kill is a filter without kill, and no more",
    level: Level::Core,
    claims: &["C183"],
    needs: &[Need::Admin, Need::Clone3, Need::Seccomp],
    run: look,
};

fn look(findings: &mut Findings) -> Result<()> {
    let (kill, tgkill) = (libc::SYS_kill, libc::SYS_tgkill);
    // Signal 0 to itself: nothing is sent, the call is made.
    let script =
        format!("syscall {kill} 1 0; syscall {tgkill} 1 1 0; forked syscall {kill} 1 0; powers");
    step("A box whose filter answers kill with EPERM, and allows everything else");
    let refusing = everything()?.seccomp(forbid("SCMP_ACT_ERRNO")?);
    let report = run(&script, refusing)?;
    let by_kill = tell(&report, "syscall", "the box's child, inherited")?;
    tell(&report, "Seccomp", "the box")?;
    let lines = muted(|| {
        boxed(&script, everything()?.seccomp(forbid("SCMP_ACT_ERRNO")?))?.start()?.output()
    })?;
    let answers: Vec<_> = lines.text.lines().filter(|line| line.starts_with("syscall")).collect();
    let own = answers.first().is_some_and(|line| line.ends_with("EPERM"));
    let other = answers.get(1).is_some_and(|line| line.ends_with(" 0"));
    answers.iter().for_each(|line| box_evidence("the box", line));
    if own && other {
        conclude(
            "kill is refused, tgkill sends the same signal: a profile has to name every call that does it",
        );
    }

    step("The same call, and the action KILL_PROCESS");
    let deadly = boxed(&script, everything()?.seccomp(forbid("SCMP_ACT_KILL_PROCESS")?))?;
    let output = muted(|| deadly.start()?.output())?;
    box_evidence("the box was", output.status);
    let dead = output.status == Status::Killed(libc::SIGSYS);

    step("Without CAP_SYS_ADMIN a filter is taken only from who has given up new privileges");
    let ordinary = || Privileges::keep(CapSet::NONE);
    let refused = tell(&run("filter", ordinary())?, "filter", "without no_new_privs")?;
    let taken = tell(&run("filter", ordinary().no_new_privs(true))?, "filter", "with it")?;
    let rule = refused == "EACCES" && taken == "0";
    findings.because("filters are per number of system call: kill EPERM, tgkill works");
    findings.partly("C183", own && by_kill.ends_with("EPERM") && dead && rule, other);
    Ok(())
}

/// A profile against kill alone.
fn forbid(action: &str) -> Result<Seccomp> {
    let rule = format!(r#"{{"names": ["kill"], "action": "{action}"}}"#);
    let profile = format!(r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{rule}]}}"#);
    Seccomp::of(&Profile::parse(&profile)?, CapSet::NONE)
}
