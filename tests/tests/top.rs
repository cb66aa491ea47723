//! `top`: its three columns against what the kernel says.

use std::process::Command;

use ground::needs::Need;
use nix::sys::signal::Signal;
use serde_json::Value;
use tests::terminal::Terminal;
use tests::{Background, Scratch, binary, eventually, lesson, needs};

const GROUND: &str = "00-ground";
const NEEDS: [Need; 5] =
    [Need::Admin, Need::Clone3, Need::MemoryController, Need::PidsController, Need::CpuController];

/// A box of lesson 05 that runs `script` and has printed `word`.
fn boxed(flags: &[&str], script: &str, word: &str) -> Background {
    let probe = format!("{}:/probe:ro", binary("bxw-probe").display());
    let args = [&["run", "--no-card", "-v", &probe], flags, &["/probe", "script", script]].concat();
    let mut running = Background::start("05-memory-oom", &args);
    loop {
        match running.line() {
            line if line == word => return running,
            line => assert!(!line.is_empty(), "the box has ended"),
        }
    }
}

fn json(args: &[&str]) -> Value {
    let output = lesson(GROUND).args(["top", "--json"]).args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The box of a lesson in `top --json`.
fn seen(running: &Background) -> Value {
    let name = format!("run-{}", running.pid());
    let boxes = json(&[])["boxes"].as_array().unwrap().clone();
    let ours = boxes.into_iter().find(|one| one["name"].as_str().unwrap().ends_with(&name));
    ours.unwrap_or_else(|| panic!("{name} is not shown"))
}

fn end(running: Background) {
    let boxed = running.boxed();
    nix::sys::signal::kill(boxed, Signal::SIGKILL).unwrap();
    running.wait();
}

#[test]
fn a_box_is_shown_with_its_use_and_its_limits() {
    if !needs(&NEEDS) {
        return;
    }
    let flags = ["--cpus", "0.2", "--memory", "64m", "--pids-limit", "10"];
    let running = boxed(&flags, "eat-anon 20; spin 60000", "anon 20");
    let one = seen(&running);
    let limit = &one["limit"];
    assert_eq!(limit["memory_bytes"], 64 << 20);
    assert_eq!(limit["tasks"], 10);
    assert_eq!(limit["cpu_percent"], 20.0);
    assert_eq!(one["group"]["tasks"], 1);
    for column in ["group", "processes"] {
        let memory = one[column]["memory_bytes"].as_u64().unwrap();
        assert!((20 << 20..32 << 20).contains(&memory), "{one}");
        let cpu = one[column]["cpu_percent"].as_f64().unwrap();
        assert!(cpu > 2.0 && cpu < 40.0, "{one}");
    }
    end(running);
}

/// A file on a tmpfs is the group's and no process's.
#[test]
fn what_a_group_is_charged_is_more_than_its_processes_have() {
    if !needs(&NEEDS) {
        return;
    }
    let running = boxed(&["--memory", "64m"], "write-file /dev/shm/x 24; hold", "ready");
    let one = seen(&running);
    let memory = |column: &str| one[column]["memory_bytes"].as_u64().unwrap();
    assert!(memory("group") > memory("processes") + (16 << 20), "{one}");
    end(running);
}

#[test]
fn a_process_that_is_asked_for_is_shown_with_its_group() {
    if !needs(&NEEDS) {
        return;
    }
    let running = boxed(&["--memory", "32m"], "eat-anon 8; hold", "ready");
    let pid = running.boxed().to_string();
    let boxes = json(&[&pid])["boxes"].as_array().unwrap().clone();
    let one = boxes.last().unwrap();
    assert!(one["name"].as_str().unwrap().starts_with(&format!("process {pid} (")), "{one}");
    assert_eq!(one["limit"]["memory_bytes"], 32 << 20);
    assert!(one["processes"]["memory_bytes"].as_u64().unwrap() >= 8 << 20);
    end(running);
}

/// A process chooses its name itself: the terminal must not obey it, and no value be forged by it.
#[test]
fn a_hostile_name_is_shown_and_not_obeyed() {
    let scratch = Scratch::new();
    let sleep = std::fs::read("/bin/sleep").unwrap();
    let program = scratch.program("a\u{1b}[2J\u{3}b", sleep);
    let running = Background::of(Command::new(program).arg("60"));
    let pid = running.pid().to_string();
    eventually("it has its name", || {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        name.contains('\u{1b}').then_some(())
    });
    for verb in ["top", "inspect"] {
        let output = lesson(GROUND).args([verb, &pid]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{verb}");
        assert!(!text.contains(['\u{1b}', '\u{3}']), "{verb}: {text:?}");
    }
}

#[test]
fn in_a_pipe_it_is_one_table() {
    let own = std::process::id().to_string();
    let output = lesson(GROUND).args(["top", &own]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success());
    assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{text}");
    assert_eq!(text.matches(&format!("process {own} ")).count(), 1, "{text}");
}

#[test]
fn on_a_terminal_each_table_is_drawn_over_the_one_before() {
    let own = std::process::id().to_string();
    let mut command = Command::new(binary(GROUND));
    let mut terminal = Terminal::start(command.args(["top", &own]), 50);
    terminal.until_count("\u{1b}[J", 2);
    terminal.signal(Signal::SIGINT);
    let (screen, _) = terminal.end();
    let tables = screen.iter().filter(|line| line.contains(&format!("process {own} "))).count();
    assert_eq!(tables, 1, "{screen:#?}");
    assert!(screen.iter().all(|line| line.chars().count() <= 50), "{screen:#?}");
}

#[test]
fn a_process_that_is_not_there_is_said_in_one_line() {
    for (pid, status) in [("4194304", 1), ("0", 2), ("-1", 2), ("x", 2)] {
        let output = lesson(GROUND).args(["top", pid]).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
}
