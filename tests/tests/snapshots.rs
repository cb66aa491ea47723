//! What the lessons tell is what was recorded, and what the ledger says. `cargo xtask snap` records.
//!
//! A story is taken as JSON and rendered with every varying value replaced, so the same snapshot holds on every machine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ground::cgroup::{Controller, version};
use ground::story::{Event, Verdict, render_plain};
use ground::{ledger, needs::Need};
use tests::{
    LESSONS, Listed, ListedExperiment, left_out, lesson, list, needs, story, story_of, workspace,
};

/// The lessons that tell of cgroups.
const WORLDS: [&str; 3] = ["04-cgroup-cpu", "05-memory-oom", "07-overlay"];

/// A single story in which one version has more to tell.
const BY_WORLD: [(&str, &str); 1] = [("08-caps", "experiment-escapes")];

/// Compares with, or records to, `tests/snapshots/NN/NAME.snap`.
fn matches_snapshot(number: &str, name: &str, text: &str) {
    let recorded = || workspace().join("tests/snapshots");
    let dir = std::env::var_os("BXW_SNAP_DIR").map_or_else(recorded, PathBuf::from);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(dir.join(number));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// A story of cgroups names their files, which differ by version: then each world has a recording, `NAME.v1`, `NAME.v2`.
fn of_this_world(lesson: &str, name: &str) -> String {
    match version(Controller::CPU) {
        Some(version) if WORLDS.contains(&lesson) || BY_WORLD.contains(&(lesson, name)) => {
            format!("{name}.{}", version.word())
        }
        _ => name.to_string(),
    }
}

fn tells_what_was_recorded(name: &str) {
    if !needs(&[Need::Admin, Need::Clone3, Need::TimeNamespaces, Need::MountSetattr, Need::Mknod]) {
        return;
    }
    let Listed { lesson: number, experiments } = list(name);
    let (demo, status) = story(name, &["demo"]);
    assert_eq!(status, 0);
    matches_snapshot(&number, &of_this_world(name, "demo"), &render_plain(&demo, true));
    record_samples(&number, name, &demo);
    // What only one version of cgroups has is recorded in one world.
    for experiment in experiments {
        if let Some(missing) = missing(&experiment) {
            left_out(name, &experiment, missing);
            continue;
        }
        let (events, status) = story(name, &["experiment", &experiment.name]);
        assert_eq!(status, 0, "{} of {name}", experiment.name);
        let text = render_plain(&events, true);
        let recording = format!("experiment-{}", experiment.name);
        matches_snapshot(&number, &of_this_world(name, &recording), &text);
        agrees_with_the_ledger(&events);
    }
}

/// Of what the demo measured while it ran the book draws charts. A measurement is never the same twice, so it is recorded
/// and not compared: `samples-VALUE.WORLD.csv` beside the recordings.
fn record_samples(number: &str, lesson: &str, demo: &[Event]) {
    let Some(dir) = std::env::var_os("BXW_SNAP_DIR").map(PathBuf::from) else { return };
    let values: BTreeSet<&String> = demo
        .iter()
        .filter_map(|event| match event {
            Event::Sample { what, .. } => Some(what),
            _ => None,
        })
        .collect();
    for value in values {
        let name = of_this_world(lesson, &format!("samples-{}", value.to_lowercase()));
        let file = dir.join(number).join(format!("{name}.csv"));
        std::fs::create_dir_all(dir.join(number)).expect("make a directory");
        std::fs::write(file, csv(&tests::samples(demo, value))).expect("write the samples");
    }
}

fn csv(samples: &[(u64, BTreeMap<String, u64>)]) -> String {
    let columns = samples.first().map(|(_, read)| read.keys().cloned().collect::<Vec<_>>());
    let mut lines = vec![format!("ms,{}", columns.unwrap_or_default().join(","))];
    for (ms, read) in samples {
        let values: Vec<String> = read.values().map(u64::to_string).collect();
        lines.push(format!("{ms},{}", values.join(",")));
    }
    lines.join("\n") + "\n"
}

/// What an experiment cannot do without and does not have. In the disposable machine swap lies in its memory and is written
/// by an emulated CPU: whether a load outruns it there is luck. What swaps is judged on real machines.
fn missing(experiment: &ListedExperiment) -> Option<Need> {
    let has = |need: &Need| experiment.needs.iter().any(|id| id == need.id());
    let luck = has(&Need::Swap) && Need::Disposable.is_met();
    let unmet = Need::ALL.iter().copied().find(|need| has(need) && !need.is_met());
    unmet.or(luck.then_some(Need::Swap))
}

#[test]
fn through_sudo_the_story_is_the_same() {
    if !needs(&[Need::InitialRoot]) {
        return;
    }
    for name in LESSONS {
        // What sudo sets, and all that a lesson looks at: state directory and prefix then carry the caller's number.
        // And as a user starts it, in namespaces of its own, while the other tests look at the host.
        let mut command = lesson(name);
        command.arg("demo").env("SUDO_UID", "4242").env_remove("BXW_ON_HOST");
        let (demo, status) = story_of(name, &mut command);
        assert_eq!(status, 0);
        let recording = of_this_world(name, "demo");
        matches_snapshot(&name[..2], &recording, &render_plain(&demo, true));
    }
}

fn agrees_with_the_ledger(events: &[Event]) {
    let claims = events.iter().filter_map(|event| match event {
        Event::Verdict { claims, .. } => Some(claims),
        _ => None,
    });
    for (claim, verdict) in claims.flatten().collect::<BTreeMap<&String, &Verdict>>() {
        let row = ledger::find(claim).unwrap_or_else(|| panic!("{claim} is not in the ledger"));
        assert_eq!(verdict.word(), row.verdict, "{claim}: {}", row.text);
    }
}

fn describes_itself_as_recorded(name: &str) {
    let number = &name[..2];
    let list = lesson(name).args(["list", "--json"]).output().unwrap();
    matches_snapshot(number, "list", &String::from_utf8(list.stdout).unwrap());
    for (verb, file) in [("run", "help-run"), ("experiment", "help-experiment")] {
        let help = lesson(name).args([verb, "--help"]).output().unwrap();
        matches_snapshot(number, file, &String::from_utf8(help.stdout).unwrap());
    }
}

macro_rules! lessons {
    ($($tells:ident $describes:ident $name:literal)*) => {$(
        #[test]
        fn $tells() {
            tells_what_was_recorded($name);
        }

        #[test]
        fn $describes() {
            describes_itself_as_recorded($name);
        }
    )*};
}

lessons! {
    lesson_01_tells_what_was_recorded lesson_01_describes_itself_as_recorded "01-clone-pid"
    lesson_02_tells_what_was_recorded lesson_02_describes_itself_as_recorded "02-mount-ns"
    lesson_03_tells_what_was_recorded lesson_03_describes_itself_as_recorded "03-chroot"
    lesson_04_tells_what_was_recorded lesson_04_describes_itself_as_recorded "04-cgroup-cpu"
    lesson_05_tells_what_was_recorded lesson_05_describes_itself_as_recorded "05-memory-oom"
    lesson_06_tells_what_was_recorded lesson_06_describes_itself_as_recorded "06-veth"
    lesson_07_tells_what_was_recorded lesson_07_describes_itself_as_recorded "07-overlay"
    lesson_08_tells_what_was_recorded lesson_08_describes_itself_as_recorded "08-caps"
    lesson_09_tells_what_was_recorded lesson_09_describes_itself_as_recorded "09-init-signals"
}
