//! A box that nobody had to ask root for.

use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use caps::beyond::rootless::{LIMITS, Limit};
use ground::Result;
use ground::call::quietly;
use ground::lesson::{Experiment, Findings, Level, run_dir};
use ground::needs::{Need, in_initial_user_namespace};
use ground::story::{box_evidence, conclude, evidence, step};

use crate::attack::{PROBE, errno, root};
use crate::shared::place;

pub const EXPERIMENT: Experiment = Experiment {
    name: "rootless",
    title: "an ordinary user runs a box, and what that box cannot have",
    level: Level::Deep,
    claims: &["C239"],
    needs: &[Need::Admin, Need::Clone3, Need::UserNamespaces, Need::MountApi],
    run,
};

/// User and group without any privilege.
const NOBODY: u32 = 65534;

fn run(findings: &mut Findings) -> Result<()> {
    let who = if in_initial_user_namespace() { "nobody" } else { "an ordinary user" };
    step(format_args!("{who} says `08-caps run`, without sudo"));
    let report = "report; cat /proc/self/uid_map; write /tmp/made hello; stat /tmp/made; mounts";
    let output = without_root(&[], report)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let value = |key: &str| {
        text.lines()
            .find_map(|l| l.strip_prefix(key)?.strip_prefix(' '))
            .unwrap_or("nothing")
            .to_string()
    };
    for key in ["pid", "uid", "hostname", "owner"] {
        box_evidence(key, value(key));
    }
    let mounted = |at: &str| text.lines().any(|line| line == at);
    let furnished = ["/", "/proc", "/dev", "/sys"].iter().all(|at| mounted(at));
    box_evidence(
        "/, /proc, /dev and /sys are",
        if furnished { "mounted" } else { "not all mounted" },
    );
    let runs = output.status.success() && value("pid") == "1" && value("uid") == "0" && furnished;

    step("What it cannot have");
    let mut refused = 0;
    for limit in &LIMITS {
        let said = attempt(limit)?;
        refused += usize::from(said.is_some());
        evidence(
            limit.what,
            format!("{}: {}", said.as_deref().unwrap_or("it has it here"), limit.why),
        );
    }
    if runs && refused > 0 {
        conclude(
            "a box needs a user namespace, not root; what belongs to the machine stays the machine's",
        );
    }
    findings.holds("C239", !runs);
    Ok(())
}

/// The errno with which it is refused, or that no box was made.
fn attempt(limit: &Limit) -> Result<Option<String>> {
    let place = place()?;
    let flags: Vec<String> = limit.flags.iter().map(|word| word.replace("PLACE", &place)).collect();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let output = without_root(&flags, limit.script)?;
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(match output.status.success() {
        true => None,
        false => Some(errno(&said).unwrap_or("no box").to_string()),
    })
}

/// This very program, by an ordinary user: another, unless we are one already.
fn without_root(flags: &[&str], script: &str) -> Result<Output> {
    let root = root()?;
    let mut command = Command::new("/proc/self/exe");
    command
        .args(["run", "--no-card", "--network", "none", "--rootfs"])
        .arg(root)
        .args(flags)
        .args([PROBE, "script", script]);
    if in_initial_user_namespace() {
        command.uid(NOBODY).gid(NOBODY).env_remove("XDG_RUNTIME_DIR");
    } else {
        command.env("XDG_RUNTIME_DIR", run_dir()?);
    }
    command.env_remove("SUDO_UID").current_dir("/");
    quietly("start it without root").run(|| command.output())
}
