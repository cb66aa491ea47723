//! `doctor`, `inspect`, `top` and `clean`: commands of the `00-ground` binary, built and elevated here.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::elevate::{self, Elevation};
use crate::failure::{Failure, Result};
use crate::lessons::Lesson;
use crate::{artifacts, process, sys, workspace};

/// The package that the host commands live in.
pub const GROUND: &str = "00-ground";

/// Builds `00-ground` and names its binary.
pub fn ground() -> Result<PathBuf> {
    let ground = Lesson::parse(GROUND).ok_or_else(|| Failure::failed("00-ground has no number"))?;
    artifacts::build_lessons([&ground])?;
    Ok(artifacts::binary(&ground))
}

/// Diagnoses as whoever asks: a diagnosis is not worth a password.
pub fn doctor(json: bool) -> Result<()> {
    let ground = ground()?;
    if !sys::is_root() && !json {
        let binary = workspace::shown(&ground);
        eprintln!("seen as an ordinary user; what root sees: sudo {binary} doctor");
    }
    Err(process::exec(command(Elevation::Direct, &ground, json, &["doctor"])))
}

/// Shows the isolation card of a process; through sudo only when the kernel demands it.
pub fn inspect(pid: u32, powers: bool, json: bool) -> Result<()> {
    let ground = ground()?;
    let elevation = match fs::read_link(format!("/proc/{pid}/ns/pid")) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            elevate::to_root(&format!("/proc/{pid}/ns belongs to somebody else"))?
        }
        _ => Elevation::Direct,
    };
    let pid = pid.to_string();
    let words: &[&str] = if powers { &["inspect", "--powers", &pid] } else { &["inspect", &pid] };
    Err(process::exec(command(elevation, &ground, json, words)))
}

/// Shows what is used. All may read those files.
pub fn top(pids: &[u32], once: bool, json: bool) -> Result<()> {
    let ground = ground()?;
    let mut command = command(Elevation::Direct, &ground, json, &["top"]);
    command.args(once.then_some("--once")).args(pids.iter().map(u32::to_string));
    Err(process::exec(command))
}

/// Removes what killed lessons have left: first what the user's rootless boxes left, then, as
/// root, the rest.
pub fn clean(rootless: bool) -> Result<()> {
    let ground = ground()?;
    let clean = |elevation| command(elevation, &ground, false, &["clean"]);
    if sys::is_root() || rootless {
        return Err(process::exec(clean(Elevation::Direct)));
    }
    process::succeed(process::status(&mut clean(Elevation::Direct))?)?;
    let root = elevate::to_root("cgroups and mounts of lessons that ran as root are root's")?;
    Err(process::exec(clean(root)))
}

fn command(elevation: Elevation, ground: &Path, json: bool, words: &[&str]) -> Command {
    let mut command = elevation.command(ground, &[]);
    command.args(json.then_some("--json")).args(words);
    command
}
