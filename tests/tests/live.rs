//! What moves on a terminal: bars, one line each, of which nothing remains where it does not belong.

use std::process::Command;

use ground::needs::Need;
use nix::sys::signal::Signal;
use tests::terminal::Terminal;
use tests::{binary, lesson, needs};

const NEEDS: [Need; 5] =
    [Need::Admin, Need::Clone3, Need::MemoryController, Need::PidsController, Need::CpuController];
const DEMOS: [(&str, &[&str]); 2] =
    [("04-cgroup-cpu", &["CPU"]), ("05-memory-oom", &["memory", "tasks"])];

fn on_terminal(name: &str, args: &[&str], columns: u16) -> Terminal {
    Terminal::start(Command::new(binary(name)).args(args), columns)
}

fn is_bar(line: &str) -> bool {
    line.contains('█') || line.contains("····")
}

/// Each time the cursor goes back, the line that stood there must have been no wider than the terminal.
fn widest_drawn(written: &str) -> usize {
    let drawn = written
        .split('\n')
        .flat_map(|line| line.split('\r').filter(|part| is_bar(part)).map(tests::terminal::screen));
    drawn.map(|lines| lines[0].chars().count()).max().unwrap_or(0)
}

#[test]
fn each_value_has_a_bar_of_one_line() {
    if !needs(&NEEDS) {
        return;
    }
    for (name, labels) in DEMOS {
        for columns in [120, 70] {
            let mut terminal = on_terminal(name, &["demo"], columns);
            terminal.until("\u{0}");
            let widest = widest_drawn(&terminal.written);
            let (screen, status) = terminal.end();
            assert_eq!(status, 0, "{screen:#?}");
            let bars: Vec<&String> = screen.iter().filter(|line| is_bar(line)).collect();
            assert_eq!(bars.len(), labels.len(), "{bars:#?}");
            for (bar, label) in bars.iter().zip(labels) {
                assert!(bar.trim_start().starts_with(label), "{bar}");
                assert!(!bar.contains('≡') && !bar.contains('∴'), "{bar}");
            }
            assert!(widest > 0 && widest < columns.into(), "{widest} of {columns}");
        }
    }
}

#[test]
fn a_narrow_terminal_gets_the_numbers_alone() {
    if !needs(&NEEDS) {
        return;
    }
    let mut terminal = on_terminal("05-memory-oom", &["demo"], 24);
    terminal.until("\u{0}");
    assert!(!terminal.written.contains('█'), "{}", terminal.written);
    let (screen, _) = terminal.end();
    assert!(screen.iter().any(|line| line.trim_start().starts_with("tasks 16")), "{screen:#?}");
}

#[test]
fn where_nobody_watches_there_is_no_bar() {
    if !needs(&NEEDS) {
        return;
    }
    for (name, _) in DEMOS {
        let piped = lesson(name).env("CLICOLOR_FORCE", "1").arg("demo").output().unwrap();
        let piped = String::from_utf8_lossy(&piped.stdout).into_owned();
        assert!(!is_bar(&piped) && !piped.contains('\r'), "{name} in a pipe");
        for flag in ["--plain", "--json"] {
            let (screen, _) = on_terminal(name, &[flag, "demo"], 120).end();
            assert!(!screen.iter().any(|line| is_bar(line)), "{name} {flag}");
        }
    }
}

#[test]
fn an_interrupted_demo_takes_its_bar_along() {
    if !needs(&NEEDS) {
        return;
    }
    let mut terminal = on_terminal("04-cgroup-cpu", &["demo"], 120);
    terminal.until("CPU ");
    terminal.until("█");
    terminal.signal(Signal::SIGINT);
    let (screen, status) = terminal.end();
    assert_eq!(status, 130);
    assert!(!screen.iter().any(|line| is_bar(line)), "{screen:#?}");
}

/// Programs get the numbers, as the kernel's files had them.
#[test]
fn json_has_every_sample() {
    if !needs(&NEEDS) {
        return;
    }
    let (events, _) = tests::story("05-memory-oom", &["demo"]);
    let usages: Vec<u64> = tests::samples(&events, "memory")
        .into_iter()
        .map(|(_, read)| read["usage_bytes"])
        .collect();
    assert!(usages.len() > 20, "{usages:?}");
    let peak = usages.iter().max().copied().unwrap_or(0);
    assert!((28 << 20..=32 << 20).contains(&peak), "{peak}");
    let kills = tests::samples(&events, "memory").last().map(|(_, read)| read["oom_kill"]);
    assert_eq!(kills, Some(1));
}
