//! Many boxes of lesson 09 at once, or one after the other, and commands that are killed: what is on disk stays true, and
//! nothing is left.
//!
//! `BXW_SOAK=1` makes the crowds as large as the issue asks (200 boxes at once, 2,000 in a row); `BXW_SOAK=5` five times
//! that. Without it they are as large as a few seconds allow.

use std::fs;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use ground::needs::Need;
use tests::runtime::{NEEDS, Runtime};
use tests::{crowd, eventually, moments, needs};

fn spawn(runtime: &Runtime, args: &[&str]) -> Child {
    let mut command = runtime.command(args);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the runtime starts")
}

#[test]
fn of_many_who_want_one_name_one_gets_it() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let all: Vec<Child> =
        (0..8).map(|_| spawn(&runtime, &["run", "-d", "--name", "one", "sleep", "1000"])).collect();
    let statuses: Vec<_> = all.into_iter().map(|mut c| c.wait().unwrap().code().unwrap()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 0).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 125).count(), 7, "{statuses:?}");
    assert_eq!(runtime.said(&["ps", "-aq"]).lines().count(), 1);
}

#[test]
fn of_many_who_start_a_box_one_does() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    runtime.said(&["create", "--name", "once", "sh", "-c", "echo x; exec sleep 1000"]);
    let all: Vec<Child> = (0..8).map(|_| spawn(&runtime, &["start", "once"])).collect();
    all.into_iter().for_each(|mut child| drop(child.wait()));
    let boxed = runtime.named("once");
    boxed.says("x");
    assert_eq!(boxed.state("Status"), "running");
    assert_eq!(runtime.said(&["logs", "once"]), "x");
    // Stopped, started, looked at and removed by everybody at the same time.
    let verbs: [&[&str]; 5] = [
        &["stop", "-t", "0", "once"],
        &["start", "once"],
        &["restart", "-t", "0", "once"],
        &["ps", "-a"],
        &["kill", "once"],
    ];
    let all: Vec<Child> = verbs.iter().cycle().take(20).map(|args| spawn(&runtime, args)).collect();
    all.into_iter().for_each(|mut child| drop(child.wait()));
    runtime.said(&["rm", "-f", "once"]);
    runtime.leaves_nothing();
}

#[test]
fn many_boxes_live_at_once() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let many = crowd(24, 200);
    let starters: Vec<Child> =
        (0..many).map(|_| spawn(&runtime, &["run", "-d", "sleep", "1000"])).collect();
    starters.into_iter().for_each(|mut child| assert!(child.wait().unwrap().success()));
    let ids = runtime.said(&["ps", "-q"]);
    assert_eq!(ids.lines().count(), many);
    let ids: Vec<&str> = ids.lines().collect();
    runtime.said(&[&["rm", "-f"], &ids[..]].concat());
    runtime.leaves_nothing();
}

/// Groups of every hierarchy, those included that are dead and still held: `/proc/cgroups` counts both.
fn groups() -> u64 {
    let text = fs::read_to_string("/proc/cgroups").unwrap_or_default();
    let numbers =
        text.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok());
    numbers.sum()
}

#[test]
fn short_boxes_in_a_row_leave_nothing() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let all = crowd(100, 2000);
    let before = groups();
    for round in 0..all {
        let way = if round % 2 == 0 { "--no-card" } else { "-d" };
        runtime.said(&["run", "--rm", way, "true"]);
    }
    runtime.leaves_nothing();
    let left = names(&runtime.data());
    assert_eq!(left, ["boxes"], "nothing else outlives a box");
    // Others are at work on this host, too: a leak would be one for each box, and in each of several hierarchies.
    let grown = groups().saturating_sub(before);
    assert!(grown < all as u64 || all < 1000, "{grown} groups more after {all} boxes");
}

fn names(dir: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn whoever_is_killed_whenever_order_can_be_restored() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let verbs: [&[&str]; 22] = [
        &["run", "-d", "sleep", "1000"],
        &["run", "-d", "--rm", "sleep", "0.05"],
        &["run", "--no-card", "sleep", "0.05"],
        &["create", "--name", "made", "true"],
        &["run", "-d", "--restart", "always", "false"],
        &["exec", "mark", "sleep", "0.05"],
        &["exec", "-d", "mark", "sleep", "0.1"],
        &["logs", "-f", "mark"],
        &["attach", "mark"],
        &["wait", "mark"],
        &["pause", "mark"],
        &["unpause", "mark"],
        &["kill", "-s", "HUP", "mark"],
        &["stop", "-t", "0", "mark"],
        &["start", "mark"],
        &["restart", "-t", "0", "mark"],
        &["rename", "made", "renamed"],
        &["rename", "renamed", "made"],
        &["ps", "-a"],
        &["rm", "-f", "made"],
        &["kill", "mark"],
        &["prune"],
    ];
    let rounds = verbs.iter().cycle().zip(moments(Duration::from_millis(60)));
    runtime.start("mark", &["sleep", "1000"]);
    for (args, moment) in rounds.take(crowd(88, 1000)) {
        let mut child = spawn(&runtime, args);
        sleep(moment);
        let _ = child.kill();
        let _ = child.wait();
        // Whatever has happened, what is there can be listed.
        runtime.said(&["ps", "-a"]);
        if *args == ["prune"] {
            runtime.ask(&["run", "-d", "--name", "mark", "sleep", "1000"]);
        }
    }
    // A starter that was killed has left a monitor that goes on with what it was asked for.
    eventually("everything can be removed", || {
        let ids = runtime.said(&["ps", "-aq"]);
        let ids: Vec<&str> = ids.lines().collect();
        if !ids.is_empty() {
            let output = runtime.output(&[&["rm", "-f"], &ids[..]].concat());
            let errors = String::from_utf8_lossy(&output.stderr);
            // One that was to be removed anyway may have gone by itself.
            assert!(errors.lines().all(|line| line.contains("there is no box")), "{errors}");
        }
        runtime.said(&["prune"]);
        tests::lesson("00-ground").arg("clean").env("SUDO_UID", runtime.uid()).assert().success();
        runtime.left().is_empty().then_some(())
    });
}

/// Who is killed between writing down that a box is frozen and freezing it, or the other way round, leaves one of two
/// things; both are said as they are, and neither keeps the box from being stopped.
#[test]
fn half_a_pause_is_seen_through() {
    if !needs(&NEEDS) || !needs(&[Need::Freezer]) {
        return;
    }
    let runtime = Runtime::new();
    let boxed = runtime.start("ice", &["sleep", "1000"]);
    let file = runtime.boxes().join(boxed.inspect()["Id"].as_str().unwrap()).join("state.json");
    let running = fs::read_to_string(&file).unwrap();
    fs::write(&file, running.replace("\"running\"", "\"paused\"")).unwrap();
    assert_eq!(boxed.state("Status"), "running", "nothing is frozen");
    assert_eq!(runtime.ask(&["exec", "ice", "true"]).1, 0);
    runtime.said(&["pause", "ice"]);
    assert_eq!(boxed.state("Status"), "paused");
    assert_eq!(runtime.refused(&["pause", "ice"]).0, 1);
    runtime.said(&["unpause", "ice"]);
    assert_eq!(boxed.state("Status"), "running");
    runtime.said(&["pause", "ice"]);
    runtime.said(&["rm", "-f", "ice"]);
    runtime.leaves_nothing();
}

/// Its monitor may be about to start it again in the very moment.
#[test]
fn what_starts_again_and_again_can_be_stopped_at_any_moment() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    // Deaf to SIGTERM: as PID 1 it has no handler.
    let script = "sleep 0.02; exit 1";
    for moment in moments(Duration::from_millis(400)).take(crowd(12, 100)) {
        let boxed = runtime.start("again", &["--restart", "always", "sh", "-c", script]);
        sleep(moment);
        runtime.said(&["stop", "-t", "0", "again"]);
        assert_eq!(boxed.state("Status"), "exited");
        runtime.said(&["rm", "again"]);
    }
    runtime.leaves_nothing();
}

#[test]
fn monitors_are_killed_at_random_moments() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let boxed = runtime.start("victim", &["--restart", "always", "sh", "-c", "sleep 0.03"]);
    for moment in moments(Duration::from_millis(150)).take(crowd(10, 100)) {
        sleep(moment);
        let monitor = boxed.monitor();
        let _ = nix::sys::signal::kill(monitor, nix::sys::signal::Signal::SIGKILL);
        boxed.becomes("exited");
        runtime.said(&["start", "victim"]);
    }
    runtime.said(&["rm", "-f", "victim"]);
    runtime.leaves_nothing();
}
