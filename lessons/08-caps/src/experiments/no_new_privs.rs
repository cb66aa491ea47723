//! A set-user-ID program.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use caps::CapSet;
use clone_pid::beyond::Report;
use ground::Result;
use ground::call::{doing, quietly};
use ground::lesson::{Experiment, Findings, Level, run_dir};
use ground::needs::Need;
use ground::rootfs::probe;
use ground::story::{conclude, step};
use ground::text::path;

use crate::stage::{run, tell, tell_set, usual};

pub const EXPERIMENT: Experiment = Experiment {
    name: "no-new-privs",
    title: "a set-user-ID program gives root, with no_new_privs it gives nothing",
    level: Level::Deep,
    claims: &["C230"],
    needs: &[Need::InitialRoot, Need::Clone3, Need::Seccomp],
    run: look,
};

fn look(findings: &mut Findings) -> Result<()> {
    step("A program of root's with the set-user-ID bit, and a box whose command is user 1000");
    let program = run_dir()?.join("setuid");
    let original = probe()?;
    quietly("copy the probe").run(|| fs::copy(original, &program))?;
    let shown = path(program.display());
    doing(format_args!("chmod 4755 {shown}"))
        .like_args(format_args!("chmod 4755 {shown}"))
        .run(|| fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)))?;
    let script = format!("exec {} powers", program.display());
    let user = || Ok::<_, ground::Error>(usual()?.user("1000".parse()?));
    let given = run(&script, user()?)?;
    let (before, set) = look_at(&given, "set-user-ID program")?;

    step("The same with no_new_privs");
    let (after, none) = look_at(&run(&script, user()?.no_new_privs(true))?, "set-user-ID program")?;
    let root = before.starts_with("1000 0")
        && set != CapSet::NONE
        && set.minus(CapSet::DEFAULT) == CapSet::NONE;
    let user = after.starts_with("1000 1000") && none == CapSet::NONE;
    if root && user {
        conclude(
            "root of the box, as far as the bounding set goes; and with no_new_privs the bit is ignored",
        );
    }
    findings.holds("C230", root && user);
    Ok(())
}

fn look_at(report: &Report, who: &str) -> Result<(String, CapSet)> {
    Ok((tell(report, "Uid", who)?, tell_set(report, "CapEff", who)?))
}
