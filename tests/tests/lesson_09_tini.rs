//! The kit's init and tini through the same tables: as good or better in each row.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::{Duration, Instant};

use ground::needs::Need;
use ground::proc::Process;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::inits::{INITS, as_pid_1, child, children, ended, pin_to_one_cpu, program_of, started};
use tests::{Background, binary, eventually, needs, said};

const NEEDS: [Need; 2] = [Need::Admin, Need::Tini];

fn probe() -> String {
    binary("bxw-probe").to_string_lossy().into_owned()
}

#[test]
fn exit_statuses_are_those_of_tini() {
    if !needs(&NEEDS) {
        return;
    }
    for (args, status) in [
        (["--", "true"].as_slice(), 0),
        (&["--", "sh", "-c", "exit 7"], 7),
        (&["--", "sh", "-c", "kill -TERM $$"], 143),
        (&["--", "sh", "-c", "kill -KILL $$"], 137),
        (&["-e", "143", "--", "sh", "-c", "kill -TERM $$"], 0),
        (&["-e7", "-e", "8", "--", "sh", "-c", "exit 8"], 0),
        (&["-e", "7", "--", "sh", "-c", "exit 9"], 9),
        (&["-sgwv", "--", "sh", "-c", "exit 5"], 5),
        (&["sh", "--", "-c", "exit 6"], 6),
        (&["--", "no-such-command"], 127),
        (&["--", "/no/such/command"], 127),
        (&["--", "/etc/passwd"], 126),
        (&["--", "/"], 126),
        (&[], 1),
        (&["--"], 1),
        (&["-x", "true"], 1),
        (&["-e", "256", "true"], 1),
        (&["-e", "seven", "true"], 1),
        (&["-p", "SIGNONE", "true"], 1),
        (&["-p"], 1),
        (&["-p", "SIGTERM", "--", "true"], 0),
        (&["-h"], 0),
        (&["-l"], 0),
        (&["--version"], 0),
    ] {
        for init in INITS {
            assert_eq!(ended(init, args).status.code(), Some(status), "{init} {args:?}");
        }
    }
}

/// tini takes options wherever they stand, so that `tini ls -l` shows its licence. The kit's stops at the command.
#[test]
fn what_follows_the_command_is_the_commands() {
    if !needs(&NEEDS) {
        return;
    }
    let output = ended("bxw-init", &["sh", "-c", "echo $0; exit 7", "-h"]);
    assert_eq!((output.stdout.as_slice(), output.status.code()), (b"-h\n".as_slice(), Some(7)));
}

#[test]
fn a_script_without_an_interpreter_line_is_run_by_the_shell() {
    if !needs(&NEEDS) {
        return;
    }
    let scratch = tests::Scratch::new();
    let script = scratch.program("script", "echo \"$0 $1\"; exit 4\n");
    for init in INITS {
        let output = ended(init, &["--", &script, "word"]);
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{script} word\n"), "{init}");
        assert_eq!(output.status.code(), Some(4), "{init}");
    }
}

/// The signals that the child gets of those that are sent to the init, one after the other.
fn forwarded(init: &str) -> Vec<i32> {
    let probe = probe();
    let mut running = started(init, &["--", &probe, "listen", "all", "40"], "ready");
    let first = running.boxed();
    let command = child(first);
    let settled = |pid| {
        let status = Process::of(pid).status().ok()?;
        (status.signals.pending == 0 && status.state == 'S').then_some(())
    };
    for signal in (1..32).filter(|signal| ![9, 19].contains(signal)) {
        Command::new("kill").args([format!("-{signal}"), first.to_string()]).status().unwrap();
        eventually("the signal has come", || settled(first).and(settled(command)));
    }
    Command::new("kill").args(["-40".to_string(), first.to_string()]).status().unwrap();
    let lines = std::iter::repeat_with(|| running.line()).take_while(|line| line != "got 40");
    let number = |line: String| init::signal::parse(line.strip_prefix("got ")?.as_bytes());
    lines.filter_map(number).collect()
}

#[test]
fn every_signal_that_tini_forwards_is_forwarded_and_those_of_faults_too() {
    if !needs(&NEEDS) {
        return;
    }
    let (ours, tini) = (forwarded("bxw-init"), forwarded("tini"));
    assert!(tini.iter().all(|signal| ours.contains(signal)), "{tini:?} but {ours:?}");
    let all: Vec<i32> = (1..32).filter(|signal| ![9, 17, 19].contains(signal)).collect();
    assert_eq!(ours, all);
}

#[test]
fn real_time_signals_are_forwarded_each_as_often_as_it_came() {
    if !needs(&NEEDS) {
        return;
    }
    let numbers: Vec<String> = (34..=64).map(|signal| signal.to_string()).collect();
    let take = format!("take {}", numbers.join(" "));
    for init in INITS {
        let mut running = started(init, &["--", &probe(), "script", &take], "ready");
        for number in numbers.iter().chain(&numbers) {
            said(Command::new("kill").args([format!("-{number}"), running.boxed().to_string()]));
        }
        let got: BTreeSet<_> = (0..2 * numbers.len()).map(|_| running.line()).collect();
        assert_eq!(got.len(), numbers.len(), "{init}: {got:?}");
    }
}

#[test]
fn the_group_of_the_child_gets_signals_if_asked() {
    if !needs(&NEEDS) {
        return;
    }
    let script = format!("trap : TERM; {} listen TERM USR1 & wait; wait; wait", probe());
    let set = "TINI_KILL_PROCESS_GROUP";
    for init in INITS {
        for (args, variable, reaches) in
            [(["-v"], None, false), (["-g"], None, true), (["-v"], Some(set), true)]
        {
            let args = [&args[..], &["--", "sh", "-c", &script]].concat();
            let mut command = as_pid_1(init, &args);
            variable.map(|variable| command.env(variable, ""));
            let mut running = Background::of(&mut command);
            while running.line() != "ready" {}
            let shell = child(running.boxed());
            let grandchild = child(shell);
            kill(running.boxed(), Signal::SIGTERM).unwrap();
            // The shell has taken it when it is waiting again.
            std::thread::sleep(Duration::from_millis(50));
            kill(grandchild, Signal::SIGUSR1).unwrap();
            let heard = std::iter::repeat_with(|| running.line()).find(|l| l.starts_with("got "));
            assert_eq!(heard.as_deref() == Some("got SIGTERM"), reaches, "{init} {args:?}");
        }
    }
}

#[test]
fn ten_thousand_orphans_are_reaped() {
    if !needs(&NEEDS) {
        return;
    }
    for init in INITS {
        let probe = probe();
        let script = "orphans 10000 0; hold";
        let running = started(init, &["--", &probe, "script", script], "orphans 10000");
        let alone = || (children(running.boxed()).len() == 1).then_some(());
        eventually("the command is the only child", alone);
    }
}

#[test]
fn a_subreaper_adopts_without_being_pid_1() {
    if !needs(&NEEDS) {
        return;
    }
    for init in INITS {
        for (flag, variable) in [("-s", "NOTHING"), ("-v", "TINI_SUBREAPER")] {
            let mut command = Command::new(program_of(init));
            command.env(variable, "").args([flag, "--"]).arg(probe());
            let mut running = Background::of(command.args(["script", "orphans 2 60000; hold"]));
            while running.line() != "orphans 2" {}
            let adopted = || (children(running.pid()).len() == 3).then_some(());
            eventually("two orphans and the command", adopted);
            for pid in children(running.pid()) {
                kill(pid, Signal::SIGKILL).unwrap();
            }
            assert_eq!(running.wait().code(), Some(137), "{init}");
        }
    }
}

#[test]
fn the_parents_death_sends_the_signal_that_was_asked_for() {
    if !needs(&NEEDS) {
        return;
    }
    for init in INITS {
        // The shell ends when its input does; its child would not.
        let script = "\"$0\" -s -p SIGTERM -- \"$1\" sleep 60 & echo $!; sleep 0.2; exit 0";
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(program_of(init)).arg(probe());
        let mut running = Background::of(&mut command);
        let orphan = Pid::from_raw(running.line().parse().unwrap());
        assert!(running.wait().success());
        let gone = || match Process::of(orphan).status() {
            Ok(status) => (status.state == 'Z').then_some(()),
            Err(_) => Some(()),
        };
        eventually("it went with its parent", gone);
    }
}

#[test]
fn the_child_has_the_signals_that_the_init_was_started_with() {
    if !needs(&NEEDS) {
        return;
    }
    let script = "trap '' USR1 TTOU; exec \"$0\" -- \"$1\" signals";
    for init in INITS {
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(program_of(init)).arg(probe());
        let said = said(&mut command);
        assert!(said.starts_with("blocked none\n"), "{init}: {said}");
        assert!(said.contains("SIGUSR1") && said.contains("SIGTTOU"), "{init}: {said}");
        assert!(!said.contains("SIGCHLD"), "{init}: {said}");
    }
}

/// Nanoseconds from a signal to the init to the child's word that it has come: the median of many.
/// All of them on one CPU, for a wake-up on the other one takes as long as the hypervisor likes.
fn latencies() -> [u128; 2] {
    pin_to_one_cpu();
    let probe = probe();
    let args = ["--", probe.as_str(), "listen", "USR1"];
    let mut both = INITS.map(|init| started(init, &args, "ready"));
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..300 {
        for (running, times) in both.iter_mut().zip(&mut times) {
            let (first, start) = (running.boxed(), Instant::now());
            kill(first, Signal::SIGUSR1).unwrap();
            running.line();
            times.push(start.elapsed().as_nanos());
        }
    }
    times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    })
}

#[test]
fn a_signal_is_through_as_fast_as_with_tini() {
    if !needs(&NEEDS) {
        return;
    }
    let [ours, tini] = latencies();
    assert!(ours < tini * 3 / 2, "{ours} ns, tini {tini} ns");
}

/// Memory that is in use for nobody but this process, and all that it can see, in kB.
fn memory(init: &str) -> (u64, u64) {
    let running = started(init, &["--", &probe(), "hold"], "ready");
    let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", running.boxed())).unwrap();
    let sum = |prefix: &str| {
        let lines = text.lines().filter(|line| line.starts_with(prefix));
        lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum()
    };
    (sum("Private_"), sum("Rss:"))
}

#[test]
fn it_needs_less_memory_than_tini() {
    if !needs(&NEEDS) {
        return;
    }
    let (ours, tini) = (memory("bxw-init"), memory("tini"));
    assert!(ours.0 < tini.0 && ours.1 < tini.1, "{ours:?} kB, tini {tini:?} kB");
}

#[test]
fn both_end_with_the_child_and_not_by_a_signal_of_their_own() {
    if !needs(&NEEDS) {
        return;
    }
    for init in INITS {
        let output =
            Command::new(program_of(init)).args(["-s", "--", "sh", "-c", "kill -9 $$"]).status();
        let status = output.unwrap();
        assert_eq!((status.code(), status.signal()), (Some(137), None), "{init}");
    }
}
