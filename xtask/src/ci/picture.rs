//! The whole host before and after every demo and experiment: mounts, cgroups, links, processes.
//! On a machine that is CI's alone nothing may differ, whoever owns it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::elevate::{self, Elevation};
use crate::failure::{Context, Failure, Result};
use crate::lessons::{self, Lesson};
use crate::{artifacts, host, process, workspace};

/// What `00-ground picture` prints: category → what is there.
type Picture = BTreeMap<String, BTreeSet<String>>;

/// The kernel takes namespaces and cgroups down in its own time.
const PATIENCE: u32 = 10;

/// Takes a picture, runs everything, and takes another.
pub fn picture() -> Result<()> {
    let lessons = lessons::taught(&workspace::root())?;
    let ground = host::ground()?;
    artifacts::build_lessons(&lessons)?;
    artifacts::build_box_programs()?;
    let elevation = elevate::to_root("the lessons and the picture of the whole host")?;
    run_all(&lessons[..1.min(lessons.len())], elevation)?;
    let before = take(&ground, elevation)?;
    run_all(&lessons, elevation)?;
    let mut changes = Vec::new();
    for _ in 0..PATIENCE {
        changes = differences(&before, &take(&ground, elevation)?);
        if changes.is_empty() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(500));
    }
    changes.iter().for_each(|change| println!("{change}"));
    Err(Failure::failed(format!("the host differs in {} places", changes.len())))
}

fn take(ground: &Path, elevation: Elevation) -> Result<Picture> {
    let text = process::stdout(elevation.command(ground, &[]).arg("picture"))?;
    serde_json::from_str(&text).map_err(|e| Failure::failed(format!("00-ground picture: {e}")))
}

/// Demo and experiments of each lesson; a skipped one (77) is fine, a failed one is not.
fn run_all(lessons: &[Lesson], elevation: Elevation) -> Result<()> {
    let log = workspace::state_dir()?.join("picture.out");
    let everything = [&["--plain", "demo"][..], &["--plain", "experiment", "all", "--deep"]];
    for lesson in lessons {
        for words in everything {
            // Without the safety net: what they leave, they leave on the host.
            let on_host = [("BXW_ON_HOST", "1".into())];
            let mut command = elevation.command(&artifacts::binary(lesson), &on_host);
            command.args(words).stdin(Stdio::null());
            command.stdout(File::create(&log).doing("create", &log)?);
            let status = process::status(&mut command)?;
            let what = format!("{} {}", lesson.dir, words.join(" "));
            println!("{what}: {status}");
            if !matches!(process::shell_status(status), 0 | 77) {
                return Err(Failure::failed(format!("{what}: {status}: see {}", log.display())));
            }
        }
    }
    Ok(())
}

/// One line a difference: `mounts: + /run/bxw-0/x`.
fn differences(before: &Picture, after: &Picture) -> Vec<String> {
    let nothing = BTreeSet::new();
    let categories: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut lines = Vec::new();
    for category in categories {
        let old = before.get(category).unwrap_or(&nothing);
        let new = after.get(category).unwrap_or(&nothing);
        lines.extend(old.difference(new).map(|gone| format!("{category}: - {gone}")));
        lines.extend(new.difference(old).map(|come| format!("{category}: + {come}")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_and_what_went_is_named() {
        let picture = |text| serde_json::from_str::<Picture>(text).unwrap();
        let before = picture(r#"{"links":["lo"],"mounts":["/a","/b"]}"#);
        let after = picture(r#"{"mounts":["/b","/c"],"rules":["x"]}"#);
        let lines = differences(&before, &after);
        assert_eq!(lines, ["links: - lo", "mounts: - /a", "mounts: + /c", "rules: + x"]);
        assert!(differences(&before, &before).is_empty());
    }
}
