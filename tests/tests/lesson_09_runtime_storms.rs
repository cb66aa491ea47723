//! The runtime of lesson 09 when things go wrong, or happen all at once: what is on disk stays true, and nothing is left.
//!
//! `BXW_SOAK=1` makes the crowds as large as the issue asks; without it they are as large as a few seconds allow.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use ground::needs::Need;
use tests::runtime::Runtime;
use tests::{eventually, moments, needs, program};

const NEEDS: [Need; 3] = [Need::Admin, Need::Clone3, Need::MountSetattr];

fn crowd(usual: usize, soak: usize) -> usize {
    if std::env::var_os("BXW_SOAK").is_some() { soak } else { usual }
}

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

#[test]
fn short_boxes_in_a_row_leave_nothing() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    for round in 0..crowd(40, 2000) {
        let way = if round % 2 == 0 { "--no-card" } else { "-d" };
        runtime.said(&["run", "--rm", way, "true"]);
    }
    runtime.leaves_nothing();
}

#[test]
fn whoever_is_killed_whenever_order_can_be_restored() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let verbs: [&[&str]; 14] = [
        &["run", "-d", "sleep", "1000"],
        &["run", "-d", "--rm", "sleep", "0.05"],
        &["run", "--no-card", "sleep", "0.05"],
        &["create", "true"],
        &["run", "-d", "--restart", "always", "false"],
        &["exec", "mark", "sleep", "0.05"],
        &["exec", "-d", "mark", "sleep", "0.1"],
        &["pause", "mark"],
        &["unpause", "mark"],
        &["stop", "-t", "0", "mark"],
        &["start", "mark"],
        &["restart", "-t", "0", "mark"],
        &["ps", "-a"],
        &["prune"],
    ];
    let rounds = verbs.iter().cycle().zip(moments(Duration::from_millis(60)));
    runtime.start("mark", &["sleep", "1000"]);
    for (args, moment) in rounds.take(crowd(56, 500)) {
        let mut child = spawn(&runtime, args);
        sleep(moment);
        let _ = child.kill();
        let _ = child.wait();
        runtime.said(&["ps", "-a"]);
    }
    // A starter that was killed has left a monitor that goes on with what it was asked for.
    eventually("everything can be removed", || {
        let ids = runtime.said(&["ps", "-aq"]);
        let ids: Vec<&str> = ids.lines().collect();
        if !ids.is_empty() {
            runtime.output(&[&["rm", "-f"], &ids[..]].concat());
        }
        runtime.said(&["prune"]);
        tests::lesson("00-ground").arg("clean").env("SUDO_UID", runtime.uid()).output().unwrap();
        runtime.left().is_empty().then_some(())
    });
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

#[test]
fn after_a_boot_nothing_runs() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let id = runtime.said(&["run", "-d", "--name", "before", "sleep", "1000"]);
    let file = runtime.boxes().join(&id).join("state.json");
    let running = fs::read_to_string(&file).unwrap();
    runtime.said(&["stop", "-t", "0", "before"]);
    // As the disk is after a boot: it says that the box runs, and in which boot that was.
    let at = running.find("\"boot\":\"").unwrap() + 8;
    let other = format!("{}0000{}", &running[..at], &running[at + 4..]);
    fs::write(&file, other).unwrap();
    let boxed = runtime.named("before");
    assert_eq!((boxed.state("Status"), boxed.state("ExitCode")), ("exited".into(), "null".into()));
    // A power failure can leave an empty file.
    fs::write(&file, "").unwrap();
    assert_eq!(boxed.state("Status"), "exited");
    runtime.said(&["start", "before"]);
    assert_eq!(boxed.state("Status"), "running");
    let ruin = runtime.boxes().join("0".repeat(64));
    fs::create_dir(&ruin).unwrap();
    fs::write(ruin.join("box.json"), "").unwrap();
    assert_eq!(runtime.said(&["ps", "-aq"]).lines().count(), 1);
    runtime.said(&["prune"]);
    assert!(!ruin.exists());
}

/// The command with a small file system, or a read-only one, where the boxes are.
fn on(options: &str, runtime: &Runtime, script: &str) -> std::process::Output {
    let (data, uid) = (runtime.data(), runtime.uid());
    let program = tests::binary("09-init-signals");
    let script = format!(
        "mkdir -p {0} && mount -t tmpfs -o mode=755,size=64k {uid} {0} && mkdir -m 700 {0}/boxes && \
         {options} && BOX={1} && {script}; status=$?; umount {0}; exit $status",
        data.display(),
        program.display()
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script]).env("SUDO_UID", uid);
    command.stdin(Stdio::null()).output().expect("unshare starts")
}

#[test]
fn on_a_full_disk_nothing_is_half_made() {
    if !needs(&NEEDS) || !program("unshare") {
        return;
    }
    let runtime = Runtime::new();
    let fill =
        format!("(head -c 1m /dev/zero > {}/full 2>/dev/null; true)", runtime.data().display());
    let output = on(&fill, &runtime, "$BOX run --no-card true");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(125) && errors.contains("ENOSPC"), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    // A box that is there already goes on, whatever becomes of its log.
    let script = "$BOX run -d --name loud sh -c 'head -c 300000 /dev/zero; exit 7' >/dev/null && \
                  $BOX wait loud; $BOX ps -a; $BOX rm loud && $BOX ps -aq";
    let output = on("true", &runtime, script);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("Exited ("), "{text} {}", String::from_utf8_lossy(&output.stderr));
    assert!(text.ends_with("loud\n"), "it can be removed, and then there is none: {text}");
    runtime.leaves_nothing();
}

#[test]
fn in_a_read_only_directory_the_error_is_one_line() {
    if !needs(&NEEDS) || !program("unshare") {
        return;
    }
    let runtime = Runtime::new();
    let read_only = format!("mount -o remount,ro {}", runtime.data().display());
    for script in ["$BOX run -d true", "$BOX run --rm --no-card true", "$BOX create true"] {
        let output = on(&read_only, &runtime, script);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.code() == Some(125) && errors.contains("EROFS"),
            "{script}: {errors}"
        );
        assert_eq!(errors.lines().count(), 1, "{script}: {errors}");
    }
    assert!(on(&read_only, &runtime, "$BOX ps -a").status.success());
    runtime.leaves_nothing();
}
