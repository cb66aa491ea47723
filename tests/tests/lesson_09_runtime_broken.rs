//! The runtime of lesson 09 on machines that misbehave: after a power failure, with a clock that jumps, on a full disk, on
//! one that cannot be written to. What it says stays true.

use std::fs;
use std::process::{Command, Stdio};

use tests::runtime::{NEEDS, Runtime};
use tests::{needs, program};

#[test]
fn after_a_boot_nothing_runs() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let id = runtime.said(&["run", "-d", "--name", "before", "sleep", "1000"]);
    let file = runtime.boxes().join(&id).join("state.json");
    let running = fs::read_to_string(&file).unwrap();
    let exit = fs::read(file.with_file_name("exit")).unwrap();
    runtime.said(&["stop", "-t", "0", "before"]);
    fs::write(file.with_file_name("exit"), exit).unwrap();
    // As the disk is after a boot: it says that the box runs, and in which boot that was.
    let at = running.find("\"boot\":\"").unwrap() + 8;
    let other = format!("{}0000{}", &running[..at], &running[at + 4..]);
    fs::write(&file, other).unwrap();
    let boxed = runtime.named("before");
    assert_eq!((boxed.state("Status"), boxed.state("ExitCode")), ("exited".into(), "null".into()));
    assert!(runtime.said(&["ps", "-a"]).contains("Exited (unknown)"));
    assert_eq!(runtime.said(&["wait", "before"]), "255");
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

/// The wall clock may be set at any time, and what was written down then be in the future, or long ago.
#[test]
fn a_clock_that_jumps_changes_dates_and_nothing_else() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let boxed = runtime.start("jump", &["sh", "-c", "echo line; exec sleep 1000"]);
    boxed.says("line");
    runtime.said(&["create", "--name", "other", "true"]);
    let dir = runtime.boxes().join(boxed.inspect()["Id"].as_str().unwrap());
    // 2200, and 1970: the clock has been set back by centuries, or forward by decades.
    for moment in [7_258_118_400_000_000_000_u64, 1_000_000_000] {
        for (file, key) in [("state.json", "started"), ("box.json", "created")] {
            let mut record: serde_json::Value =
                serde_json::from_slice(&fs::read(dir.join(file)).unwrap()).unwrap();
            record[key] = moment.into();
            fs::write(dir.join(file), record.to_string()).unwrap();
        }
        // How long it has been up is counted from the boot.
        let ps = runtime.said(&["ps"]);
        let up = ps.split("Up ").nth(1).unwrap();
        assert!(up.split("  ").next().unwrap().contains("second"), "{ps}");
        assert_eq!(boxed.state("Status"), "running");
        assert_eq!(runtime.said(&["logs", "jump"]), "line");
        assert_eq!(runtime.ask(&["exec", "jump", "sh", "-c", "exit 4"]).1, 4);
        assert_eq!(runtime.said(&["ps", "-aq"]).lines().count(), 2);
    }
    // Grace is counted by a clock that cannot be set: `sleep` is deaf, and killed when it is over.
    runtime.said(&["stop", "-t", "1", "jump"]);
    assert_eq!(boxed.state("ExitCode"), "137");
    assert!(runtime.said(&["logs", "-t", "jump"]).starts_with("20"));
    runtime.said(&["prune"]);
    runtime.leaves_nothing();
}

/// No wait of the runtime asks the wall clock: nothing but dates are read from it.
#[test]
fn nothing_waits_by_the_wall_clock() {
    if !needs(&NEEDS) || !program("strace") {
        return;
    }
    let runtime = Runtime::new();
    runtime.start("slow", &["--restart", "on-failure:2", "sh", "-c", "sleep 0.2; exit 1"]);
    let mut command = Command::new("strace");
    // A timerfd or a timer of the wall clock, or a sleep to a moment of it.
    let calls = "trace=clock_nanosleep,timerfd_create,timer_create,clock_settime,setitimer";
    let stop = runtime.command(&["stop", "-t", "1", "slow"]);
    command.args(["-f", "-qq", "-e", calls]).arg(stop.get_program()).args(stop.get_args());
    command.envs(stop.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let output = command.stdin(Stdio::null()).output().unwrap();
    let trace = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !trace.contains("CLOCK_REALTIME"), "{trace}");
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
    // There is no room for its last state; what is needed of that was reserved when it was made.
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(text.starts_with("7\n") && text.contains("Exited (7)"), "{text} {errors}");
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

/// A disk that has become read-only under boxes that are there: what can be done is done, what cannot is one line.
#[test]
fn boxes_can_be_looked_at_and_stopped_when_nothing_can_be_written() {
    if !needs(&NEEDS) || !program("unshare") {
        return;
    }
    let runtime = Runtime::new();
    let made = "$BOX run -d --network none --name up sh -c 'echo out; exec sleep 1000' >/dev/null && \
                $BOX create --name made true >/dev/null && sleep 0.3";
    // A file that is open for writing keeps a file system from becoming read-only; a bind mount can be so alone.
    let data = runtime.data();
    let read_only = format!("mount --bind {0} {0} && mount -o remount,bind,ro {0}", data.display());
    for (script, status, expected) in [
        ("$BOX ps", 0, "up"),
        ("$BOX inspect up", 0, "\"running\""),
        ("$BOX logs up", 0, "out"),
        ("$BOX exec up echo inside", 0, "inside"),
        ("$BOX stop -t 0 up; $BOX ps -a", 0, "made"),
        ("$BOX kill up && $BOX wait up", 0, "255"),
        ("$BOX pause up", 1, "EROFS"),
        ("$BOX start made", 1, "EROFS"),
        ("$BOX rename made other", 1, "EROFS"),
        ("$BOX rm made", 1, "EROFS"),
        ("$BOX prune", 1, "EROFS"),
    ] {
        let after = "umount DATA; $BOX rm -f up made >/dev/null 2>&1; true";
        let after = after.replace("DATA", &data.display().to_string());
        let all =
            format!("{made} && {read_only} && {{ {script}; status=$?; {after}; (exit $status); }}");
        let output = on("true", &runtime, &all);
        let text = [&output.stdout[..], &output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert!(
            output.status.code() == Some(status) && text.contains(expected),
            "{script}: {text}"
        );
        assert!(
            output.stderr.iter().filter(|byte| **byte == b'\n').count() <= 1,
            "{script}: {text}"
        );
    }
    runtime.leaves_nothing();
}
