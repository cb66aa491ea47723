//! Lesson 09, looked at from outside: the init of a box, and the program of its own.

use std::fs;
use std::process::Command;

use ground::host::owner;
use ground::needs::Need;
use ground::proc::Process;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::inits::{child, children};
use tests::refusal::{leaving_nothing, refused, says};
use tests::{Background, binary, eventually, lesson, needs, program, said};

const L09: &str = "09-init-signals";
const NEEDS: [Need; 3] = [Need::Admin, Need::Clone3, Need::MountSetattr];

/// `run FLAGS` with a probe script as the command, the probe lent to the box.
fn running(flags: &[&str], script: &str, first: &str) -> Background {
    let volume = format!("{}:/probe:ro", binary("bxw-probe").display());
    let args = [
        &["run", "--no-card", "--network", "none", "-v", &volume],
        flags,
        &["/probe", "script", script],
    ];
    let mut running = Background::start(L09, &args.concat());
    while running.line() != first {}
    running
}

#[test]
fn an_init_is_pid_1_and_the_command_is_its_child() {
    if !needs(&NEEDS) {
        return;
    }
    let running = running(&["--init"], "hold", "ready");
    let first = running.process().status().unwrap();
    let command = Process::of(child(running.boxed())).status().unwrap();
    assert_eq!((first.name.as_str(), first.nspid.last()), ("init", Some(&1)));
    assert_eq!((command.name.as_str(), command.nspid.last()), ("probe", Some(&2)));
}

#[test]
fn without_the_flag_the_command_is_pid_1() {
    if !needs(&NEEDS) {
        return;
    }
    let running = running(&[], "hold", "ready");
    assert_eq!(running.process().status().unwrap().name, "probe");
    assert!(children(running.boxed()).is_empty());
}

/// The end of file on the lesson's socket says that the command runs; an init that kept a copy would hide it for ever.
#[test]
fn an_init_has_three_descriptors_and_no_handlers() {
    if !needs(&NEEDS) {
        return;
    }
    let running = running(&["--init"], "hold", "ready");
    let process = running.boxed();
    let open = fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let mut open: Vec<_> = open.flatten().map(|fd| fd.file_name()).collect();
    open.sort();
    assert_eq!(open, ["0", "1", "2"]);
    let signals = running.process().status().unwrap().signals;
    // Rust's runtime would catch two and ignore SIGPIPE.
    assert_eq!((signals.caught, signals.ignored >> (libc::SIGPIPE - 1) & 1), (0, 0));
}

#[test]
fn an_init_is_sealed_like_the_command() {
    if !needs(&NEEDS) {
        return;
    }
    let running = running(&["--init", "--oom-score-adj", "300"], "hold", "ready");
    let command = child(running.boxed());
    for file in ["oom_score_adj", "cgroup", "mountinfo"] {
        let of = |pid: Pid| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
        assert_eq!(of(running.boxed()), of(command), "{file}");
    }
    let root = |pid: Pid| Process::of(pid).root().unwrap();
    assert_eq!(root(running.boxed()), root(command));
}

/// CVE-2019-5736: who opens `/proc/1/exe` holds the binary of the host.
#[test]
fn the_kits_binary_is_out_of_reach_for_who_may_not_trace() {
    if !needs(&NEEDS) || !needs(&[Need::InitialRoot]) || !program("setpriv") {
        return;
    }
    // Without CAP_SYS_PTRACE, as root is in most boxes; all else as usual.
    let less = ["--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"];
    let mut command = Command::new("setpriv");
    command.args(less).arg(binary(L09)).args([
        "run",
        "--network",
        "none",
        "--no-card",
        "--init",
        "sh",
        "-c",
        "echo up; sleep 60",
    ]);
    let mut running = Background::of(&mut command);
    assert_eq!(running.line(), "up");
    let look = |pid: Pid| {
        let mut command = Command::new("setpriv");
        command.args(less).args(["readlink", &format!("/proc/{pid}/exe")]);
        command.output().unwrap().status.success()
    };
    assert!(look(child(running.boxed())), "the command's binary is in the box");
    assert!(!look(running.boxed()));
}

#[test]
fn orphans_are_reaped_and_signals_passed_on() {
    if !needs(&NEEDS) {
        return;
    }
    let running = running(&["--init"], "orphans 500 0; await TERM; exit 3", "awaiting");
    eventually("the command is alone", || (children(running.boxed()).len() == 1).then_some(()));
    running.signal(Signal::SIGTERM);
    assert_eq!(running.wait().code(), Some(3));
}

#[test]
fn death_by_a_signal_behind_an_init_is_128_plus_n() {
    if !needs(&NEEDS) {
        return;
    }
    for (signal, status) in [(Signal::SIGTERM, 143), (Signal::SIGKILL, 137), (Signal::SIGSEGV, 139)]
    {
        let running = running(&["--init"], "hold", "ready");
        kill(child(running.boxed()), signal).unwrap();
        assert_eq!(running.wait().code(), Some(status));
    }
}

#[test]
fn a_killed_lesson_takes_init_and_command_along() {
    if !needs(&NEEDS) {
        return;
    }
    let running = running(&["--init"], "hold", "ready");
    let both = [running.boxed(), child(running.boxed())].map(Process::of);
    running.signal(Signal::SIGKILL);
    let gone = |p: &Process| p.status().map_or(true, |status| status.state == 'Z');
    eventually("both are gone", || both.iter().all(gone).then_some(()));
    lesson("00-ground").arg("clean").assert().success();
}

#[test]
fn bad_input_is_one_line_and_leaves_nothing() {
    if !needs(&NEEDS) {
        return;
    }
    leaving_nothing(|| {
        refused(
            L09,
            &["run", "--init", "--network", "none", "no-such-command"],
            127,
            &["execve no-such-command: ENOENT"],
        );
        refused(
            L09,
            &["run", "--init", "--network", "none", "/etc/passwd"],
            126,
            &["execve /etc/passwd: EACCES"],
        );
        refused(L09, &["run", "--init"], 125, &["COMMAND"]);
        refused(L09, &["run", "--init=yes", "true"], 125, &["--init"]);
    });
    for (args, status, word) in [
        (["init"].as_slice(), 1, "there is no command"),
        (&["init", "-y", "true"], 1, "no such option: -y"),
        (&["init", "-p", "SIGNONE", "true"], 1, "no such signal: SIGNONE"),
        (&["init", "-e300", "true"], 1, "from 0 to 255: -e300"),
        (&["init", "-s", "/etc/passwd"], 126, "execve /etc/passwd: EACCES"),
        (&["init", "-s", "no-such-command"], 127, "execve no-such-command: ENOENT"),
    ] {
        refused(L09, args, status, &[word]);
        let alone = Command::new(binary("bxw-init")).args(&args[1..]).output().unwrap();
        says(&alone, status, &[word]);
    }
}

#[test]
fn the_init_of_the_command_line_is_the_same_program() {
    if !needs(&[Need::Admin]) {
        return;
    }
    let script = "trap 'exit 9' TERM; echo up; while :; do sleep 0.01; done";
    for program in [vec![binary(L09), "init".into()], vec![binary("bxw-init")]] {
        let mut command = Command::new(&program[0]);
        let mut running =
            Background::of(command.args(&program[1..]).args(["-s", "sh", "-c", script]));
        assert_eq!(running.line(), "up");
        running.signal(Signal::SIGTERM);
        assert_eq!(running.wait().code(), Some(9), "{program:?}");
    }
}

#[test]
fn the_program_is_static_and_small() {
    let bytes = fs::read(binary("bxw-init")).unwrap();
    assert!(bytes.len() < 100 << 10, "{} bytes", bytes.len());
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(!holds(b"ld-linux") && !holds(b"GLIBC") && !holds(b"panicked at"));
}

/// Where every child is reaped by the kernel, as a parent that ignores SIGCHLD wants it, no status would come.
#[test]
fn an_inherited_disregard_of_sigchld_does_not_lose_the_status() {
    if !needs(&[Need::Bash]) {
        return;
    }
    let script = "trap '' CHLD; exec \"$0\" -s -- sh -c 'exit 7'";
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", "10", "bash", "-c", script]).arg(binary("bxw-init"));
    let status = command.status().unwrap();
    assert_eq!(status.code(), Some(7));
}

/// `script` gives its command a terminal.
fn on_a_terminal(script: &str) -> String {
    let mut command = Command::new("script");
    command.args(["-qec", script, "/dev/null"]).env("INIT", binary("bxw-init"));
    said(command.env("LESSON", binary(L09)).env("SUDO_UID", owner().to_string()))
}

const GROUPS: &str = "cut -d\" \" -f5,8 /proc/self/stat";

#[test]
fn the_child_has_the_foreground_of_the_terminal_and_it_is_given_back() {
    if !program("script") {
        return;
    }
    let text = on_a_terminal(&format!("{GROUPS}; $INIT -s sh -c '{GROUPS}; :'; {GROUPS}"));
    let lines: Vec<Vec<&str>> =
        text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], lines[2], "{text}");
    assert_eq!(lines[1][0], lines[1][1], "in the foreground: {text}");
    assert_ne!(lines[0], lines[1], "a group of its own: {text}");
}

#[test]
fn a_box_in_the_background_does_not_take_the_terminal() {
    if !needs(&NEEDS) || !needs(&[Need::Bash]) || !program("script") {
        return;
    }
    // The foreground job is there first; the shell would give the terminal to the next in any case.
    let run = "(sleep 0.2; $LESSON run --no-card --init sleep 0.5) & sh \"$JOB\"";
    let scratch = tests::Scratch::new();
    let job = scratch.file("job", format!("sleep 0.5; {GROUPS}"));
    let text = on_a_terminal(&format!("JOB={job} bash --norc -ic '{run}' 2>/dev/null"));
    let groups: Vec<&str> = text.split_whitespace().collect();
    assert!(groups.len() == 2 && groups[0] == groups[1], "{text}");
}

#[test]
fn a_box_with_an_init_gives_the_terminal_back() {
    if !needs(&NEEDS) || !program("script") {
        return;
    }
    let run = "$LESSON run --no-card --init sh -c 'test -t 0 && echo inside'";
    let text = on_a_terminal(&format!("{GROUPS}; {run}; {GROUPS}"));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines[0], lines[1]), (lines[2], "inside"), "{text}");
}
