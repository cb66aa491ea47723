//! The monitor of lesson 09: what it keeps, what it passes on, how it starts a box again.

use std::fs;

use ground::needs::Need;
use nix::sys::signal::{Signal, kill};
use tests::runtime::{NEEDS, Runtime};
use tests::{eventually, needs};

#[test]
fn a_monitor_keeps_nothing_of_its_starter() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    // `said` reads to the end of file: a monitor that kept standard output would have it wait for ever.
    let boxed = runtime.start("fds", &["sleep", "1000"]);
    let open = fs::read_dir(format!("/proc/{}/fd", boxed.monitor())).unwrap().flatten();
    let targets = open.filter_map(|fd| fs::read_link(fd.path()).ok());
    let foreign: Vec<_> = targets.filter(|t| t.to_string_lossy().contains("ptmx")).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}

/// What it needs for itself, beside the program that all of them share: heap, stack, what the loader has relocated.
#[test]
fn a_monitor_is_small() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let boxed = runtime.start("small", &["sleep", "1000"]);
    let own = || {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", boxed.monitor())).ok()?;
        let line = rollup.lines().find(|line| line.starts_with("Private_Dirty:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    // Its starter shares pages with it until that has gone.
    eventually("less than 1.5 MB, even of a build for debugging", || (own()? < 1536).then_some(()));
}

#[test]
fn a_policy_starts_what_has_ended() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let failing =
        runtime.start("thrice", &["--restart", "on-failure:2", "sh", "-c", "echo x; exit 4"]);
    failing.becomes("exited");
    assert_eq!(failing.inspect()["RestartCount"], 2);
    assert_eq!(runtime.said(&["logs", "thrice"]), "x\nx\nx");
    let well = runtime.start("once", &["--restart", "on-failure", "true"]);
    well.becomes("exited");
    assert_eq!(well.inspect()["RestartCount"], 0);
    let always = runtime.start("always", &["--restart", "always", "false"]);
    // Between two starts there is no process; to stop it then must wake its monitor.
    eventually("it waits", || (always.state("Status") == "restarting").then_some(()));
    runtime.said(&["stop", "always"]);
    assert_eq!(always.state("Status"), "exited");
    assert_eq!(runtime.refused(&["run", "--rm", "--restart", "always", "true"]).0, 125);
}

/// 100 ms, 200 ms, 400 ms: at least. A machine that has much to do may take longer.
#[test]
fn each_wait_before_a_restart_is_twice_as_long() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let script = "cat /proc/uptime; exit 1";
    let boxed = runtime.start("again", &["--restart", "on-failure:3", "sh", "-c", script]);
    boxed.becomes("exited");
    let text = runtime.said(&["logs", "again"]);
    let seconds = text.lines().filter_map(|line| line.split(' ').next()?.parse::<f64>().ok());
    let starts: Vec<f64> = seconds.collect();
    let waits: Vec<f64> = starts.windows(2).map(|two| two[1] - two[0]).collect();
    // The file has hundredths.
    let least = waits.iter().zip([0.1, 0.2, 0.4]).all(|(wait, least)| *wait > least - 0.015);
    assert!(waits.len() == 3 && least, "{waits:?}");
}

#[test]
fn a_killed_monitor_takes_its_box_along_and_ps_says_so() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let boxed = runtime.start("orphan", &["-m", "64m", "sleep", "1000"]);
    let first = boxed.pid();
    kill(boxed.monitor(), Signal::SIGKILL).unwrap();
    boxed.becomes("exited");
    assert_eq!(boxed.state("ExitCode"), "null");
    let dead = || {
        let status = ground::proc::Process::of(first).status();
        status.map_or(true, |status| status.state == 'Z').then_some(())
    };
    eventually("the box died with its parent", dead);
    runtime.said(&["start", "orphan"]);
    assert_eq!(boxed.state("Status"), "running");
    runtime.said(&["rm", "-f", "orphan"]);
    runtime.leaves_nothing();
}

#[test]
fn what_was_to_be_removed_is_removed_by_whoever_looks() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let boxed = runtime.start("brief", &["--rm", "sleep", "1000"]);
    kill(boxed.monitor(), Signal::SIGKILL).unwrap();
    eventually("it is gone", || runtime.said(&["ps", "-aq"]).is_empty().then_some(()));
    runtime.leaves_nothing();
}

#[test]
fn out_of_memory_is_written_down() {
    if !needs(&[NEEDS[0], NEEDS[1], NEEDS[2], Need::MemoryController]) {
        return;
    }
    let runtime = Runtime::new();
    let eat = ["sh", "-c", "head -c 100m /dev/zero | tail"];
    let boxed = runtime.start("eater", &[&["-m", "16m"], &eat[..]].concat());
    boxed.becomes("exited");
    assert_eq!(boxed.state("OOMKilled"), "true");
}

#[test]
fn logs_have_lines_times_and_an_end() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let script = "for i in 1 2 3 4 5; do echo line $i; done; sleep 0.3; printf last; echo err >&2";
    let boxed = runtime.start("log", &["sh", "-c", script]);
    let followed = runtime.said(&["logs", "-f", "log"]);
    assert_eq!(followed, "line 1\nline 2\nline 3\nline 4\nline 5\nlast");
    boxed.becomes("exited");
    let tail = runtime.output(&["logs", "--tail", "3", "log"]);
    let (out, err) = (String::from_utf8(tail.stdout).unwrap(), tail.stderr);
    assert_eq!(
        (out.lines().count() + err.iter().filter(|b| **b == b'\n').count(), err.len()),
        (3, 4)
    );
    let stamped = runtime.said(&["logs", "-t", "log"]);
    let first = stamped.lines().next().unwrap();
    assert!(first.ends_with("Z line 1") && first.starts_with("20"), "{first}");
    assert_eq!(runtime.said(&["logs", "-n", "0", "log"]), "");
}

#[test]
fn ps_inspect_top_and_stats_are_for_programs_too() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let flags = ["--label", "tier=web", "-m", "64m", "--stop-signal", "INT"];
    let boxed = runtime.start("json", &[&flags[..], &["sleep", "1000"]].concat());
    runtime.said(&["create", "--name", "other", "true"]);
    let parse = |text: String| serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
    let row = parse(runtime.said(&["ps", "--format", "json"]));
    assert_eq!((&row["Names"], &row["State"]), (&"json".into(), &"running".into()));
    for (filter, count) in [
        ("name=js", 1),
        ("status=created", 1),
        ("label=tier", 1),
        ("label=tier=db", 0),
        ("exited=0", 0),
    ] {
        let found = runtime.said(&["ps", "-aq", "-f", filter]).lines().count();
        assert_eq!(found, count, "{filter}");
    }
    let object = boxed.inspect();
    assert_eq!(object["Config"]["StopSignal"], "SIGINT");
    assert_eq!(object["Config"]["Labels"]["tier"], "web");
    assert_eq!(object["Path"], "sleep");
    let stats = parse(runtime.said(&["stats", "--no-stream", "--format", "json", "json"]));
    assert_eq!(stats["PIDs"], 1);
    assert_eq!(stats["MemLimit"], 64 << 20);
    let mut live = runtime.command(&["stats", "--format", "json"]);
    let mut live = tests::Background::of(&mut live);
    for line in [live.line(), live.line()] {
        assert_eq!(parse(line)["Name"], "json", "again and again");
    }
    let top = runtime.said(&["top", "json"]);
    assert!(top.lines().nth(1).unwrap().contains(&boxed.pid().to_string()), "{top}");
    assert_eq!(parse(runtime.said(&["info", "--format", "json"]))["Boxes"], 2);
    assert!(runtime.said(&["version"]).starts_with("Version: "));
}

#[test]
fn bad_input_is_one_line() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    runtime.start("box", &["sleep", "1000"]);
    for (args, status) in [
        (&["run", "--name", "a/b", "true"][..], 125),
        (&["run", "--name", "box", "true"], 125),
        (&["run", "--restart", "sometimes", "true"], 125),
        (&["run", "--stop-signal", "NONE", "true"], 125),
        (&["run", "--stop-timeout", "soon", "true"], 125),
        (&["run", "--env", "=x", "true"], 125),
        (&["run", "--env-file", "/no/such/file", "true"], 125),
        (&["run", "-d"], 125),
        (&["create"], 125),
        (&["create", "--no-such", "true"], 125),
        (&["start"], 125),
        (&["start", "-a", "one", "two"], 125),
        (&["exec", "box"], 125),
        (&["exec", "nobody", "true"], 125),
        (&["exec", "-w", "/no/such", "box", "true"], 125),
        (&["attach", "nobody"], 1),
        (&["ps", "--format", "xml"], 2),
        (&["ps", "--filter", "colour=red"], 2),
        (&["logs", "--tail", "few", "box"], 2),
        (&["logs", "nobody"], 1),
        (&["kill", "--signal", "65", "box"], 2),
        (&["stop", "--timeout", "x", "box"], 2),
        (&["pause", "nobody"], 1),
        (&["unpause", "box"], 1),
        (&["rm", "box"], 1),
        (&["rename", "box", "-"], 2),
        (&["wait", "nobody"], 1),
        (&["top", "nobody"], 1),
        (&["stats", "--no-stream", "nobody"], 1),
        (&["inspect"], 2),
    ] {
        let (code, error) = runtime.refused(args);
        assert_eq!(code, status, "{args:?}: {error}");
    }
    assert_eq!(runtime.said(&["ps", "-aq"]).lines().count(), 1, "nothing was made");
}
