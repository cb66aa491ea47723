//! The runtime itself, overwritten from the box that it has come into.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use clone_pid::{Container, Part, PidNamespace};
use ground::Result;
use ground::call::quietly;
use ground::lesson::{Experiment, Findings, Level, run_dir};
use ground::needs::Need;
use ground::rootfs::probe;
use ground::story::{box_evidence, evidence, muted, step};

use crate::attack::{Escape, Outcome, Protection, boxed, errno, rest, root, sealed, twice};
use crate::stage::{protected, usual};

pub const EXPERIMENT: Experiment = Experiment {
    name: "escape-runtime",
    title: "/proc/PID/exe of a runtime that joined the box is a file of the host",
    level: Level::Deep,
    claims: &["C238"],
    needs: &[Need::InitialRoot, Need::Clone3],
    run,
};

pub const ESCAPE: Escape = Escape {
    name: "/proc/PID/exe of the runtime",
    known: "CVE-2019-5736",
    open: "a runtime that joins the box as it is",
    closed: "PR_SET_DUMPABLE 0 and no CAP_SYS_PTRACE in the box",
    needs: &[Need::InitialRoot],
    attempt,
};

const PAYLOAD: &str = "#!/bin/sh\n";

fn run(findings: &mut Findings) -> Result<()> {
    let closed = twice(&ESCAPE, findings)?;
    step(
        "And ours, at its weakest moment: it has joined, has given up what the box has not, and not yet executed anything",
    );
    let text = ourselves()?;
    let said = errno(&text).unwrap_or("opened");
    box_evidence("our own program, /proc/2/exe", said);
    findings.holds("C238", closed && said == "EACCES");
    Ok(())
}

/// A guest of [`clone_pid`]'s, and the box that it comes to. Equal in capabilities, one may look into the other, unless it
/// is not dumpable.
fn ourselves() -> Result<String> {
    let ready = root()?.join("tmp/ready");
    let script = "wait-for /tmp/ready; first-line /proc/2/exe";
    let mut attacker = muted(|| protected(boxed(&["script", script])?)?.start())?;
    let guest =
        Container::new(&["true"])?.with(PidNamespace).with(usual()?).with(Hold(ready.clone()));
    // The attacker is PID 1. When it has ended, the guest is killed at the gate.
    let joined = muted(|| guest.join(attacker.child()));
    let text = rest(&mut attacker);
    muted(|| drop((joined, attacker)));
    quietly("remove the sign").run(|| fs::remove_file(&ready))?;
    text
}

/// Gives a sign, and waits for the end.
struct Hold(PathBuf);

impl Part for Hold {
    fn seal(&mut self) -> Result<()> {
        quietly("give the sign").run(|| fs::write(&self.0, ""))?;
        sleep(Duration::from_secs(10));
        Ok(())
    }
}

/// The "runtime" is a copy of the probe: it joins, and waits as `exec` does before its execve.
fn attempt(protection: Protection) -> Result<Outcome> {
    let program = copy()?;
    let attacker = boxed(&["overwrite-exe", "runtime", PAYLOAD.trim_end()])?;
    let mut attacker = muted(|| sealed(attacker, protection)?.start())?;
    let mut runtime = join(&program, attacker.child().pid().as_raw(), protection)?;
    let mut text = String::new();
    while let Some(line) = attacker.line()? {
        text += &(line.clone() + "\n");
        if line.starts_with("held ") {
            break;
        }
    }
    // It ends, and with it the reason why its program cannot be written.
    drop(runtime.stdin.take());
    quietly("wait for the stand-in").run(|| runtime.wait())?;
    text.lines().filter_map(|line| line.strip_prefix("call ")).for_each(ground::story::output);
    text += &rest(&mut attacker)?;
    muted(|| drop(attacker));
    let begin = quietly("read the stand-in").run(|| fs::read(&program))?;
    let overwritten = begin.starts_with(PAYLOAD.trim_end().as_bytes());
    evidence("the program of the host begins with", if overwritten { "#!/bin/sh" } else { "ELF" });
    let _ = fs::remove_file(&program);
    Ok(Outcome::of(&text, overwritten.then_some("wrote into a program of the host")))
}

fn copy() -> Result<PathBuf> {
    let at = run_dir()?.join("runtime");
    let source = probe()?;
    quietly("copy a program").run(|| fs::copy(&source, &at))?;
    Ok(at)
}

fn join(program: &PathBuf, pid: i32, protection: Protection) -> Result<Child> {
    let mut command = Command::new(program);
    command
        .args(["join", &pid.to_string()])
        .args((protection == Protection::On).then_some("hidden"));
    command.arg0("runtime").stdin(Stdio::piped()).stdout(Stdio::null());
    quietly("start the stand-in").run(|| command.spawn())
}
