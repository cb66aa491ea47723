//! `cargo xtask snap`: records what the lessons print. The test executable renders into a
//! directory under the target directory, as root if need be; the copy into the tree is ours.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Context, Failure, Result};
use crate::test::{self, Suite};
use crate::{artifacts, lessons, workspace};

/// What the test executable appends to a snapshot's name.
const RENDERED: &str = ".snap.txt";

/// Renders all snapshots and copies the changed ones into `tests/snapshots`, or with `check` only
/// names them and fails.
pub fn snap(check: bool) -> Result<()> {
    let rendered = render()?;
    let kept = workspace::root().join("tests/snapshots");
    let changed: Vec<&String> = rendered
        .iter()
        .filter(|(name, text)| fs::read(recorded(&kept, name)).ok().as_ref() != Some(text))
        .map(|(name, _)| name)
        .collect();
    for name in &changed {
        println!("{} tests/snapshots/{name}.txt", if check { "differs:" } else { "recorded" });
    }
    if check && !changed.is_empty() {
        return Err(Failure::failed("snapshots differ; record them with cargo xtask snap"));
    }
    fs::create_dir_all(&kept).doing("make directory", &kept)?;
    for name in &changed {
        let path = recorded(&kept, name);
        fs::write(&path, &rendered[*name]).doing("write", &path)?;
    }
    println!("{} of {} snapshots changed", changed.len(), rendered.len());
    Ok(())
}

fn recorded(kept: &Path, name: &str) -> PathBuf {
    kept.join(format!("{name}.txt"))
}

/// Runs the snapshot tests in writing mode; returns the texts by name.
fn render() -> Result<BTreeMap<String, Vec<u8>>> {
    artifacts::build_lessons(&lessons::discover(&workspace::root())?)?;
    artifacts::build_probe()?;
    let suite = Suite::of(artifacts::build_test("snapshots")?);
    let dir = workspace::state_dir()?.join("snap");
    fs::remove_dir_all(&dir).or_else(absent).doing("empty", &dir)?;
    fs::create_dir_all(&dir).doing("make directory", &dir)?;
    let extra = [("BXW_SNAP", "write".into()), ("BXW_SNAP_DIR", dir.clone().into())];
    let record = suite.run(&suite.tests(&[])?, test::privileged(), &extra)?;
    if !record.failed.is_empty() {
        return Err(Failure::failed("the snapshot tests failed; nothing was recorded"));
    }
    read_all(&dir)
}

fn absent(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn read_all(dir: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut texts = BTreeMap::new();
    for entry in fs::read_dir(dir).doing("read directory", dir)? {
        let entry = entry.doing("read directory", dir)?;
        let name = entry.file_name().display().to_string();
        if let Some(name) = name.strip_suffix(RENDERED) {
            let text = fs::read(entry.path()).doing("read", &entry.path())?;
            texts.insert(name.to_owned(), text);
        }
    }
    Ok(texts)
}
