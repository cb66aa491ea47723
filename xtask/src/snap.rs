//! `cargo xtask snap`: records what the lessons print. The test executable renders into a
//! directory under the target directory, as root if need be; the copy into the tree is ours.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::elevate::Elevation;
use crate::failure::{Context, Failure, Result};
use crate::test::{self, Suite};
use crate::{artifacts, lessons, vm, workspace};

/// Renders all snapshots and copies the changed ones into `tests/snapshots`, or with `check` only
/// names them and fails.
pub fn snap(check: bool) -> Result<()> {
    let rendered = render()?;
    let kept = workspace::root().join("tests/snapshots");
    let changed: Vec<&String> = rendered
        .iter()
        .filter(|(name, text)| is_changed(&kept.join(name), text))
        .map(|(name, _)| name)
        .collect();
    for name in &changed {
        println!("{} tests/snapshots/{name}", if check { "differs:" } else { "recorded" });
    }
    if check && !changed.is_empty() {
        return Err(Failure::failed("snapshots differ; record them with cargo xtask snap"));
    }
    for name in &changed {
        let path = kept.join(name);
        let dir = path.parent().unwrap_or(&kept);
        fs::create_dir_all(dir).doing("make directory", dir)?;
        fs::write(&path, &rendered[*name]).doing("write", &path)?;
    }
    println!("{} of {} snapshots changed", changed.len(), rendered.len());
    Ok(())
}

/// Samples are measurements, and never the same twice: what is kept stays. Remove a file to have it recorded anew.
fn is_changed(kept: &Path, text: &[u8]) -> bool {
    let is_measurement = kept.extension().is_some_and(|extension| extension == "csv");
    match fs::read(kept) {
        Ok(kept) => !is_measurement && kept != text,
        Err(_) => true,
    }
}

/// The recordings of this world, and of the cgroup v2 machine where there is one.
fn render() -> Result<BTreeMap<String, Vec<u8>>> {
    artifacts::build_lessons(&lessons::discover(&workspace::root())?)?;
    artifacts::build_box_programs()?;
    let suite = Suite::of(artifacts::build_test("snapshots")?);
    let mut texts = render_at(&suite, test::privileged())?;
    match vm::ready() {
        Ok(machine) => {
            for (name, text) in render_at(&suite, machine)? {
                if *texts.entry(name.clone()).or_insert_with(|| text.clone()) != text {
                    println!("{name} is told differently here and in the cgroup v2 machine");
                }
            }
        }
        Err(why) => println!("recorded on this machine only: {why}"),
    }
    Ok(texts)
}

/// Runs the snapshot tests with insta told to record into another directory; returns the files by
/// their path in it.
fn render_at(suite: &Suite, place: Elevation) -> Result<BTreeMap<String, Vec<u8>>> {
    let dir = workspace::state_dir()?.join("snap");
    fs::remove_dir_all(&dir).or_else(absent).doing("empty", &dir)?;
    fs::create_dir_all(&dir).doing("make directory", &dir)?;
    let extra = [("INSTA_UPDATE", "always".into()), ("BXW_SNAP_DIR", dir.clone().into())];
    let record = suite.run(&suite.tests(&[])?, place, &extra)?;
    if !record.failed.is_empty() {
        return Err(Failure::failed("the snapshot tests failed; nothing was recorded"));
    }
    let mut texts = BTreeMap::new();
    read_all(&dir, Path::new(""), &mut texts)?;
    Ok(texts)
}

fn absent(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn read_all(dir: &Path, below: &Path, texts: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    let here = dir.join(below);
    for entry in fs::read_dir(&here).doing("read directory", &here)? {
        let entry = entry.doing("read directory", &here)?;
        let name = below.join(entry.file_name());
        if entry.path().is_dir() {
            read_all(dir, &name, texts)?;
        } else {
            let text = fs::read(entry.path()).doing("read", &entry.path())?;
            texts.insert(name.display().to_string(), text);
        }
    }
    Ok(())
}
