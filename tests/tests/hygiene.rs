//! Nothing is left on the host, however a lesson ends.
//!
//! These tests compare pictures of the host, and so every kernel test runs alone: `cargo xtask test` sees to it.

use std::thread::sleep;
use std::time::Duration;

use ground::host::picture::{self, Picture, Scope};
use ground::needs::Need;
use nix::sys::signal::Signal;
use tests::{Background, LESSONS, eventually, lesson, moments, needs};

const NEEDS: [Need; 2] = [Need::Admin, Need::Clone3];

fn picture() -> Picture {
    picture::take(Scope::Ours).expect("the host can be looked at")
}

/// What came to the host since `before`. What went away was not made by the lesson under test.
fn left(before: &Picture) -> Vec<String> {
    let mut lines = picture::difference(before, &picture());
    lines.retain(|line| line.starts_with('+'));
    lines
}

/// Nothing is left. The kernel takes a moment to take a killed box's namespaces down.
#[track_caller]
fn returns_to(before: &Picture, why: &str) {
    let clean = || left(before).is_empty().then_some(());
    let patience = std::panic::catch_unwind(|| eventually(why, clean));
    assert!(patience.is_ok(), "{why}: {:#?}", left(before));
}

/// Everything that a lesson can do, as arguments.
fn everything(name: &str) -> Vec<Vec<String>> {
    let experiments = tests::list(name).experiments.into_iter();
    let mut all = vec![vec!["demo".to_string()]];
    all.extend(experiments.map(|experiment| vec!["experiment".to_string(), experiment.name]));
    // From lesson 06 on a box is plugged into the host's network; its own tests look at that, in routers of theirs.
    let unplugged: &[&str] = if name < "06" { &[] } else { &["--network", "none"] };
    for command in [&["--no-card", "true"][..], &["no-such-command"]] {
        all.push([&["run"], unplugged, command].concat().into_iter().map(String::from).collect());
    }
    all
}

#[test]
fn demos_experiments_and_runs_leave_nothing() {
    if !needs(&NEEDS) {
        return;
    }
    let before = picture();
    for name in LESSONS {
        for args in everything(name) {
            lesson(name).args(&args).output().unwrap();
            returns_to(&before, &format!("{name} {}", args.join(" ")));
        }
    }
}

#[test]
fn an_interrupted_lesson_cleans_up_itself() {
    if !needs(&NEEDS) {
        return;
    }
    let before = picture();
    for (moment, signal) in moments(Duration::from_millis(60))
        .zip([Signal::SIGINT, Signal::SIGTERM].into_iter().cycle())
        .take(20)
    {
        for name in LESSONS {
            let running = Background::start(name, &["experiment", "all", "--deep"]);
            sleep(moment);
            running.signal(signal);
            let status = running.wait();
            // It may have come before the lesson blocked its signals: then it dies of it at once, with nothing made.
            let ended = status.code() == Some(128 + signal as i32) || status.code() == Some(0);
            assert!(
                ended || std::os::unix::process::ExitStatusExt::signal(&status).is_some(),
                "{name}: {status}"
            );
            returns_to(&before, &format!("{name} after {signal} at {moment:?}"));
        }
    }
}

#[test]
fn clean_finds_what_a_sigkill_left() {
    if !needs(&NEEDS) {
        return;
    }
    let before = picture();
    for (moment, name) in
        moments(Duration::from_millis(120)).zip(LESSONS.into_iter().cycle()).take(30)
    {
        let running = Background::start(name, &["experiment", "all", "--deep"]);
        sleep(moment);
        running.signal(Signal::SIGKILL);
        running.wait();
        lesson("00-ground").arg("clean").assert().success();
        returns_to(&before, &format!("{name} killed at {moment:?}"));
    }
}

#[test]
fn clean_leaves_a_living_lesson_alone() {
    if !needs(&NEEDS) {
        return;
    }
    let mut running = Background::start(
        "01-clone-pid",
        &["run", "--no-card", "sh", "-c", "echo $$; exec sleep 60"],
    );
    assert_eq!(running.line(), "1");
    let output = lesson("00-ground").arg("clean").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains(&format!("run-{}", running.pid())), "{text}");
    assert!(running.process().status().is_ok(), "the box runs on");
}

#[test]
fn clean_is_idempotent() {
    if !needs(&NEEDS) {
        return;
    }
    lesson("00-ground").arg("clean").assert().success();
    let output = lesson("00-ground").arg("clean").output().unwrap();
    // A box that the user has open in another terminal is named, and left.
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("removed"), "{text}");
}
