//! What goes into a box of lesson 09 and comes out of it: every byte, in order, however much it is and however slowly it
//! is read.
//!
//! `BXW_SOAK=1` sends as much as the issue asks, a gigabyte each way.

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::runtime::{NEEDS, Runtime};
use tests::{Scratch, crowd, eventually, needs};

/// Bytes of every value, and no part of them like another.
fn noise(length: u32) -> Vec<u8> {
    (0..length).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8 ^ (n >> 16) as u8).collect()
}

/// Flags and command of a box that writes a number and a mebibyte of noise, so many times; the file must stay.
fn writer(scratch: &Scratch, times: usize) -> (String, String) {
    let block = scratch.file("block", noise(1 << 20));
    let script = "while [ $i -lt $n ]; do echo $i; cat /block; i=$((i+1)); done; echo end >&2";
    (format!("{block}:/block:ro"), format!("i=0; n={times}; {script}"))
}

/// Reads what such a box has written, to the end; fails at the first wrong byte.
fn check(mut from: impl Read, times: usize) {
    let block = noise(1 << 20);
    let mut buffer = vec![0; block.len()];
    for time in 0..times {
        let mut number = vec![0; format!("{time}\n").len()];
        from.read_exact(&mut number).unwrap_or_else(|e| panic!("in block {time}: {e}"));
        assert_eq!(String::from_utf8_lossy(&number), format!("{time}\n"));
        from.read_exact(&mut buffer).unwrap_or_else(|e| panic!("in block {time}: {e}"));
        assert!(buffer == block, "block {time} is another");
    }
    assert_eq!(from.read(&mut buffer).unwrap(), 0, "nothing follows");
}

/// The runtime with pipes on both sides.
fn piped(runtime: &Runtime, args: &[&str]) -> Child {
    let mut command = runtime.command(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the runtime starts")
}

#[test]
fn what_is_typed_comes_back_byte_for_byte() {
    if !needs(&NEEDS) {
        return;
    }
    let (runtime, sent) = (Runtime::new(), noise(4_000_000));
    runtime.start("host", &["sleep", "1000"]);
    runtime.start("pipe", &["-i", "cat"]);
    runtime.said(&["create", "-i", "--name", "again", "cat"]);
    for args in [
        &["run", "-i", "--no-card", "cat"][..],
        &["start", "-ai", "again"],
        &["attach", "pipe"],
        &["exec", "-i", "host", "cat"],
    ] {
        let mut child = piped(&runtime, args);
        let mut stdin = child.stdin.take().unwrap();
        let output = std::thread::scope(|scope| {
            scope.spawn(|| {
                stdin.write_all(&sent).unwrap();
                drop(stdin);
            });
            child.wait_with_output().unwrap()
        });
        let length = output.stdout.len();
        assert!(output.status.success() && output.stdout == sent, "{args:?}: {length} bytes");
    }
    for name in ["again", "pipe"] {
        let log = runtime.output(&["logs", name]).stdout;
        assert!(log == sent, "{name}: {} bytes of {}", log.len(), sent.len());
    }
}

#[test]
fn large_output_is_passed_on_without_loss() {
    if !needs(&NEEDS) {
        return;
    }
    let (runtime, scratch) = (Runtime::new(), Scratch::new());
    let times = crowd(32, 1000);
    let (volume, script) = writer(&scratch, times);
    let boxed = runtime.start("loud", &["-v", &volume, "sh", "-c", &script]);
    assert_eq!(runtime.said(&["wait", "loud"]), "0");
    assert_eq!(boxed.state("Status"), "exited");
    let run = ["run", "--no-card", "-v", &volume, "sh", "-c", &script];
    // The log; straight through; by way of somebody who is attached.
    for args in [&["logs", "loud"][..], &run, &["start", "-a", "loud"]] {
        let mut command = runtime.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        check(child.stdout.take().unwrap(), times);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr == b"end\n", "{args:?}");
    }
}

#[test]
fn who_does_not_read_holds_the_box_up_and_loses_nothing() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let script = "head -c 4m /dev/zero; echo done > /tmp/done; exec sleep 1000";
    runtime.said(&["create", "--name", "held", "sh", "-c", script]);
    let mut slow = piped(&runtime, &["start", "-a", "held"]);
    let boxed = runtime.named("held");
    boxed.becomes("running");
    // It stands still when nothing more comes into its log.
    let log = boxed.inspect()["LogPath"].as_str().unwrap().to_string();
    let length = || fs::metadata(&log).map_or(0, |meta| meta.len());
    eventually("the box has written and stands still", || {
        let before = length();
        std::thread::sleep(Duration::from_millis(300));
        (before > 0 && length() == before).then_some(())
    });
    let is_done = || runtime.ask(&["exec", "held", "cat", "/tmp/done"]).0 == "done";
    assert!(!is_done(), "4 MiB do not fit into pipes and sockets");
    let mut read = vec![0; 4 << 20];
    slow.stdout.as_mut().unwrap().read_exact(&mut read).unwrap();
    eventually("the box goes on", || is_done().then_some(()));
    // Who goes away altogether holds nobody up.
    slow.kill().unwrap();
    slow.wait().unwrap();
    runtime.said(&["stop", "-t", "0", "held"]);
}

/// What a box has written before its end is for those who were attached then, even if they read it later.
#[test]
fn who_reads_after_the_end_finds_everything_and_the_status() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let script = "head -c 4m /dev/urandom & sleep 0.5; exit 3";
    runtime.said(&["create", "--name", "late", "sh", "-c", script]);
    let slow = piped(&runtime, &["start", "-a", "late"]);
    let pid = Pid::from_raw(slow.id() as i32);
    let boxed = runtime.named("late");
    boxed.becomes("running");
    kill(pid, Signal::SIGSTOP).unwrap();
    let monitor = boxed.monitor();
    boxed.becomes("exited");
    assert_eq!(boxed.state("ExitCode"), "3");
    let gone = || ground::proc::Process::of(monitor).status().map_or(true, |s| s.state == 'Z');
    eventually("nobody waits for the reader", || gone().then_some(()));
    kill(pid, Signal::SIGCONT).unwrap();
    let output = slow.wait_with_output().unwrap();
    let log = runtime.output(&["logs", "late"]).stdout;
    let (read, written) = (output.stdout.len(), log.len());
    assert!(output.stdout == log && read > 64 << 10, "{read} of {written} bytes");
    assert_eq!(output.status.code(), Some(3));
}

/// A monitor that goes with something unread must not make the other side forget what it has not read yet.
#[test]
fn who_types_on_after_the_end_hears_of_it_all_the_same() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    runtime.said(&["create", "-i", "--name", "short", "head", "-n", "1"]);
    for _ in 0..crowd(10, 100) {
        let mut child = piped(&runtime, &["start", "-ai", "short"]);
        let mut stdin = child.stdin.take().unwrap();
        // Until it breaks.
        let typist = std::thread::spawn(move || while stdin.write_all(b"line\n").is_ok() {});
        let output = child.wait_with_output().unwrap();
        typist.join().unwrap();
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), &b"line\n"[..]));
    }
}
