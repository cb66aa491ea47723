//! Logs of lesson 09's runtime that are rotated, and read across their files.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tests::needs;
use tests::runtime::{NEEDS, Runtime};

/// The sizes of a box's log files, the newest first.
fn sizes(runtime: &Runtime, name: &str) -> Vec<u64> {
    let log = runtime.named(name).inspect()["LogPath"].as_str().unwrap().to_string();
    let size = |at: String| fs::metadata(at).ok().map(|meta| meta.len());
    std::iter::once(size(log.clone()))
        .chain((1..10).map(|number| size(format!("{log}.{number}"))))
        .map_while(|size| size)
        .collect()
}

/// A script that writes so many lines of 100 bytes, each with its number.
fn writing(many: usize) -> String {
    format!("i=0; while [ $i -lt {many} ]; do printf '%099d\\n' $i; i=$((i+1)); done")
}

/// What comes out of a pipe, line by line, for who does not want to wait for ever.
fn lines_of(pipe: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        BufReader::new(pipe).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    receiver
}

/// Those numbers.
fn lines(text: &str) -> Vec<u64> {
    text.lines().map(|line| line.parse().unwrap_or_else(|_| panic!("torn: {line:?}"))).collect()
}

#[test]
fn a_log_is_rotated_and_read_as_one() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let options = ["--log-opt", "max-size=64k", "--log-opt", "max-file=3"];
    let script = writing(3000);
    let boxed = runtime.start("turns", &[&options[..], &["sh", "-c", &script]].concat());
    boxed.becomes("exited");
    let found = sizes(&runtime, "turns");
    assert!(found.len() == 3 && found.iter().all(|size| *size <= 64 << 10), "{found:?}");
    // A chunk is at most half of that.
    assert!(found[1..].iter().all(|size| *size > 31 << 10), "{found:?}");
    let kept = lines(&runtime.said(&["logs", "turns"]));
    // What is there is the end of it, without a gap.
    assert_eq!(kept.last(), Some(&2999));
    assert!(kept.windows(2).all(|two| two[0] + 1 == two[1]), "{kept:?}");
    assert!((900..3000).contains(&kept.len()), "{}", kept.len());
    assert_eq!(
        lines(&runtime.said(&["logs", "-n", "150", "turns"])),
        (2850..3000).collect::<Vec<_>>()
    );
    // The next start goes on where this one ended.
    runtime.said(&["start", "turns"]);
    boxed.becomes("exited");
    assert_eq!(sizes(&runtime, "turns").len(), 3);
    runtime.said(&["rm", "turns"]);
    runtime.leaves_nothing();
}

#[test]
fn one_file_begins_anew() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let script = writing(1000);
    let words = ["--log-opt", "max-size=40k", "sh", "-c", &script];
    runtime.start("one", &words).becomes("exited");
    let found = sizes(&runtime, "one");
    assert!(found.len() == 1 && found[0] <= 40 << 10, "{found:?}");
    assert_eq!(lines(&runtime.said(&["logs", "one"])).last(), Some(&999));
    // Without a size there is one file, and no end to it.
    let words = ["--log-opt", "max-file=3", "sh", "-c", &script];
    runtime.start("all", &words).becomes("exited");
    assert_eq!(sizes(&runtime, "all").len(), 1);
    assert_eq!(lines(&runtime.said(&["logs", "all"])), (0..1000).collect::<Vec<_>>());
}

#[test]
fn who_follows_a_log_loses_nothing_when_it_is_rotated() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    let options = ["-i", "--log-opt", "max-size=40k", "--log-opt", "max-file=4"];
    // 500 lines for each line that it reads: more than one file, and less than all.
    let script = writing(4000).replace("done", "[ $((i % 500)) -ne 0 ] || read more; done");
    let script = format!("read more; {script}");
    let boxed = runtime.start("long", &[&options[..], &["sh", "-c", &script]].concat());
    let mut follower =
        runtime.command(&["logs", "-f", "long"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut attach = runtime.command(&["attach", "long"]);
    let mut attached = attach.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut typed = attached.stdin.take().unwrap();
    let seen = lines_of(follower.stdout.take().unwrap());
    for number in 0..4000 {
        if number % 500 == 0 {
            typed.write_all(b"more\n").unwrap();
        }
        let line = seen.recv_timeout(Duration::from_secs(30));
        if line.as_deref().map(str::parse) != Ok(Ok(number)) {
            let _ = (follower.kill(), attached.kill());
            panic!("{number} is missing: {line:?}");
        }
    }
    drop(typed);
    boxed.becomes("exited");
    assert!(follower.wait().unwrap().success() && seen.recv().is_err(), "it ends with the box");
    attached.wait().unwrap();
    let kept = lines(&runtime.said(&["logs", "long"]));
    assert!(kept.len() < 4000 && kept.last() == Some(&3999), "rotated");
}

#[test]
fn bad_options_are_refused_in_one_line() {
    let runtime = Runtime::new();
    for word in ["max-size", "max-size=0", "max-size=x", "max-file=0", "max-file=-1", "tag=x", ""] {
        let option = format!("--log-opt={word}");
        let (status, error) = runtime.refused(&["create", &option, "true"]);
        assert_eq!(status, 125, "{word:?}: {error}");
    }
}
