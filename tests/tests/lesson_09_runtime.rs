//! The runtime of lesson 09, looked at from outside: what each command does to boxes.

use std::fs;

use ground::proc::ns::Namespace;
use tests::runtime::{NEEDS, Runtime};
use tests::{eventually, needs};

#[test]
fn a_box_in_the_background_outlives_its_starter() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let id =
        runtime.said(&["run", "-d", "--name", "back", "sh", "-c", "echo out; exec sleep 1000"]);
    assert!(id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    let boxed = runtime.named("back");
    boxed.says("out");
    let status = boxed.first().status().unwrap();
    assert_eq!(status.nspid.last(), Some(&1));
    assert_eq!(status.ppid, boxed.monitor().as_raw());
    // Its own session: no terminal ends it.
    assert_eq!(nix::unistd::getsid(Some(boxed.monitor())), Ok(boxed.monitor()));
    runtime.said(&["stop", "-t", "0", &id[..6]]);
    assert_eq!((boxed.state("Status"), boxed.state("ExitCode")), ("exited".into(), "137".into()));
    runtime.said(&["rm", "back"]);
    runtime.leaves_nothing();
}

#[test]
fn exit_statuses_are_those_of_docker() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let status = |args: &[&str]| runtime.ask(args).1;
    assert_eq!(status(&["run", "--rm", "--no-card", "sh", "-c", "exit 3"]), 3);
    assert_eq!(status(&["run", "--rm", "--no-card", "sh", "-c", "kill -9 $$; exit 4"]), 4);
    for way in [&["--no-card"][..], &["-d"], &["-t"]] {
        let run = |command: &str| status(&[&["run", "--rm"], way, &[command]].concat());
        assert_eq!((run("no-such-command"), run("/etc")), (127, 126), "{way:?}");
    }
    assert_eq!(status(&["run", "--no-such-flag", "true"]), 125);
    runtime.start("ends", &["sh", "-c", "sleep 0.2; exit 5"]);
    assert_eq!(runtime.said(&["wait", "ends"]), "5");
    assert_eq!(runtime.said(&["wait", "ends"]), "5");
    runtime.said(&["run", "-d", "--rm", "--name", "goes", "sh", "-c", "sleep 0.5; exit 6"]);
    assert_eq!(runtime.said(&["wait", "goes"]), "6");
    runtime.said(&["rm", "ends"]);
    runtime.leaves_nothing();
}

#[test]
fn a_box_that_never_ran_says_why() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let (status, error) = runtime.refused(&["run", "-d", "--name", "never", "no-such-command"]);
    assert_eq!(status, 127);
    assert!(error.contains("execve no-such-command: ENOENT"), "{error}");
    let boxed = runtime.named("never");
    assert_eq!(boxed.state("Status"), "created");
    assert!(boxed.state("Error").contains("ENOENT"));
}

#[test]
fn create_and_start_are_run() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    runtime.said(&["create", "--name", "twice", "sh", "-c", "echo $0 $HOSTNAME; exit 2"]);
    let boxed = runtime.named("twice");
    assert_eq!((boxed.state("Status"), boxed.state("Pid")), ("created".into(), "0".into()));
    for round in 1..=2 {
        runtime.said(&["start", "twice"]);
        boxed.becomes("exited");
        assert_eq!(runtime.said(&["logs", "twice"]).lines().count(), round);
    }
    let (text, status) = runtime.ask(&["start", "-a", "twice"]);
    assert_eq!((text.as_str(), status), ("sh box", 2));
}

#[test]
fn an_environment_comes_from_files_and_flags() {
    if !needs(&NEEDS) {
        return;
    }
    let (runtime, scratch) = (Runtime::new(), tests::Scratch::new());
    let file = scratch.file("env", "# a comment\n\nA=file\nB=two words = one\nKEPT\nMISSING\n");
    let script = "echo \"$A|$B|$KEPT|${MISSING-none}|$HOME|$HOSTNAME\"";
    let run = ["run", "--rm", "--no-card", "--env-file", &file, "-e", "A=flag", "sh", "-c", script];
    let output = runtime.command(&run).env("KEPT", "kept").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text, "flag|two words = one|kept|none|/root|box\n");
}

#[test]
fn what_is_relative_begins_where_it_was_typed() {
    if !needs(&NEEDS) {
        return;
    }
    let (runtime, scratch) = (Runtime::new(), tests::Scratch::new());
    ["proc", "dev", "sys"].iter().for_each(|dir| drop(scratch.dir(&format!("root/{dir}"))));
    for (at, file) in ground::rootfs::probe_files().unwrap() {
        let at = format!("root/{}", at.display());
        scratch.dir(at.rsplit_once('/').unwrap().0);
        scratch.program(&at, fs::read(file).unwrap());
    }
    let words = ["create", "--name", "rel", "--rootfs", "root", "/bxw-probe", "script", "exit 3"];
    let made = runtime.command(&words).current_dir(scratch.at(".")).output().unwrap();
    assert!(made.status.success());
    assert_eq!(runtime.ask(&["start", "-a", "rel"]).1, 3);
}

#[test]
fn names_and_ids_mean_one_box() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let one = runtime.said(&["create", "--name", "web", "true"]);
    let (status, error) = runtime.refused(&["create", "--name", "web", "true"]);
    assert!(status == 125 && error.contains("there is a box web already"), "{error}");
    for word in ["", "nobody", "we", "g"] {
        assert_eq!(runtime.refused(&["inspect", word]).0, 1, "{word:?}");
    }
    runtime.said(&["rename", "web", "shop"]);
    assert_eq!(runtime.named("shop").inspect()["Id"], one);
    assert_eq!(runtime.named(&one[..12]).inspect()["Name"], "shop");
    // 16 more, and two begin with the same digit.
    let ids: Vec<String> = (0..16).map(|_| runtime.said(&["create", "true"])).collect();
    let twice = |id: &&String| ids.iter().filter(|other| other[..1] == id[..1]).count() > 1;
    let digit = &ids.iter().find(twice).map_or(&one, |id| id)[..1];
    assert_eq!(runtime.ask(&["rm", digit]).1, 1, "{digit} {ids:?}");
    assert_eq!(runtime.said(&["prune"]).lines().count(), 17);
}

#[test]
fn exec_is_in_everything_that_its_box_is_in() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let boxed = runtime.start("host", &["-m", "64m", "-e", "A=1", "sleep", "1000"]);
    let script = "echo $A $B; pwd; grep PPid /proc/self/status; sleep 1001; true";
    let args = ["exec", "-d", "-e", "B=2", "-w", "/tmp", "host", "sh", "-c", script];
    runtime.said(&args);
    let guest = eventually("the guest is there", || {
        let top = runtime.said(&["top", "host"]);
        let line = top.lines().find(|line| line.contains("sleep 1001; true"))?;
        Some(nix::unistd::Pid::from_raw(line.split_whitespace().nth(1)?.parse().ok()?))
    });
    let (first, guest) = (boxed.first(), ground::proc::Process::of(guest));
    for kind in Namespace::ALL {
        assert_eq!(first.namespace(kind).unwrap(), guest.namespace(kind).unwrap(), "{kind:?}");
    }
    let groups = |process: &ground::proc::Process| process.read("cgroup").unwrap();
    assert_eq!(groups(&first), groups(&guest));
    assert_eq!(first.root().unwrap(), guest.root().unwrap());
    let (text, status) = runtime.ask(&[
        "exec",
        "-e",
        "B=2",
        "-w",
        "/tmp",
        "host",
        "sh",
        "-c",
        "echo $A $B; pwd; grep PPid: /proc/$$/status; exit 9",
    ]);
    assert_eq!((text.as_str(), status), ("1 2\n/tmp\nPPid:\t0", 9));
    assert_eq!(runtime.ask(&["exec", "host", "no-such-command"]).1, 127);
    runtime.said(&["pause", "host"]);
    assert_eq!(runtime.refused(&["exec", "host", "true"]).0, 125);
    runtime.said(&["unpause", "host"]);
    runtime.said(&["rm", "-f", "host"]);
    assert_eq!(runtime.refused(&["exec", "host", "true"]).0, 125);
    runtime.leaves_nothing();
}

/// As its first process may not, so may not a guest.
#[test]
fn exec_is_sealed_as_its_box_is() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let flags = ["--cap-drop", "ALL", "--ulimit", "nofile=100:200", "--oom-score-adj", "77"];
    let boxed = runtime.start("sealed", &[&flags[..], &["sleep", "1000"]].concat());
    let files = "/proc/self/status /proc/self/limits /proc/self/oom_score_adj";
    let guest = runtime.said(&["exec", "sealed", "sh", "-c", &format!("cat {files}")]);
    let own = ["status", "limits", "oom_score_adj"].map(|file| boxed.first().read(file).unwrap());
    let own = own.concat();
    let lines = |text: &str| -> Vec<String> {
        let of = ["Cap", "NoNewPrivs", "Seccomp", "Uid", "Gid", "Groups", "Max "];
        let kept = text.lines().filter(|line| of.iter().any(|word| line.starts_with(word)));
        kept.map(str::to_string).chain(text.lines().last().map(str::to_string)).collect()
    };
    assert_eq!(lines(&guest), lines(own.trim_end()));
    assert!(guest.contains("CapEff:\t0000000000000000") && guest.ends_with("77"), "{guest}");
}

#[test]
fn stop_asks_first_and_kills_then() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let script = "trap 'echo bye; exit 5' USR1 TERM; echo ready; while :; do sleep 0.02; done";
    for (name, flags, status) in [
        ("asked", &["--stop-signal", "USR1"][..], "5"),
        ("deaf", &["--stop-signal", "HUP", "--stop-timeout", "0"], "137"),
    ] {
        let boxed = runtime.start(name, &[flags, &["sh", "-c", script]].concat());
        boxed.says("ready");
        runtime.said(&["stop", name]);
        assert_eq!(boxed.state("ExitCode"), status, "{name}");
    }
    let boxed = runtime.start("killed", &["sh", "-c", script]);
    boxed.says("ready");
    runtime.said(&["kill", "-s", "TERM", "killed"]);
    boxed.becomes("exited");
    assert_eq!(boxed.state("ExitCode"), "5");
    assert_eq!(runtime.refused(&["kill", "killed"]).0, 1);
    assert_eq!(runtime.ask(&["stop", "killed", "nobody"]), ("killed".into(), 1));
}

#[test]
fn a_paused_box_stands_still_and_can_be_stopped() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let boxed = runtime.start("ice", &["sh", "-c", "while :; do :; done"]);
    let ticks = || {
        let stat = boxed.first().read("stat").unwrap();
        stat.split_whitespace().nth(13).unwrap().parse::<u64>().unwrap()
    };
    eventually("it uses the CPU", || (ticks() > 0).then_some(()));
    runtime.said(&["pause", "ice"]);
    let before = ticks();
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert_eq!((ticks(), boxed.state("Status")), (before, "paused".into()));
    runtime.said(&["unpause", "ice"]);
    eventually("it goes on", || (ticks() > before).then_some(()));
    runtime.said(&["pause", "ice"]);
    runtime.said(&["stop", "-t", "0", "ice"]);
    assert_eq!(boxed.state("Status"), "exited");
}
