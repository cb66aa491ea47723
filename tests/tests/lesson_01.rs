//! Lesson 01 seen from outside: the kernel's state of a running box.

use std::process::Command;

use ground::needs::Need;
use ground::proc::Process;
use ground::proc::ns::Namespace;
use nix::sys::signal::{Signal, kill};
use tests::{Background, binary, eventually, lesson, needs};

const NEEDS: [Need; 3] = [Need::Admin, Need::Clone3, Need::CloseRange];
const L01: &str = "01-clone-pid";

/// A box that says that it is there and stays.
fn sleeper() -> Background {
    let mut running =
        Background::start(L01, &["run", "--no-card", "sh", "-c", "echo $$; exec sleep 60"]);
    assert_eq!(running.line(), "1");
    running
}

#[test]
fn child_sees_itself_as_pid_1_and_the_host_sees_another_number() {
    if !needs(&NEEDS) {
        return;
    }
    let running = sleeper();
    let status = running.process().status().unwrap();
    assert_eq!(status.nspid, [running.boxed().as_raw(), 1]);
    assert_ne!(running.boxed().as_raw(), 1);
}

#[test]
fn pid_uts_and_ipc_namespaces_are_new_and_the_others_are_the_hosts() {
    if !needs(&NEEDS) {
        return;
    }
    let running = sleeper();
    let new = [Namespace::Pid, Namespace::Uts, Namespace::Ipc];
    for kind in Namespace::ALL {
        let theirs = running.process().namespace(kind).unwrap();
        let ours = Process::this().namespace(kind).unwrap();
        assert_eq!(theirs != ours, new.contains(&kind), "{kind:?}");
    }
}

#[test]
fn hostname_changes_inside_only() {
    if !needs(&NEEDS) {
        return;
    }
    let before = nix::unistd::gethostname().unwrap();
    let output = lesson(L01).args(["run", "--hostname", "tinker", "uname", "-n"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "tinker\n");
    assert_eq!(nix::unistd::gethostname().unwrap(), before);
}

#[test]
fn only_standard_descriptors_reach_the_command() {
    if !needs(&NEEDS) {
        return;
    }
    // A descriptor without close-on-exec, as a careless caller leaves it.
    let script = "exec 9</etc/passwd; exec \"$0\" run --no-card \"$1\" fds";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(binary(L01)).arg(binary("bxw-probe"));
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<_> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(numbers, ["0", "1", "2"], "{text}");
}

#[test]
fn what_the_lesson_did_to_signals_does_not_reach_the_command() {
    if !needs(&NEEDS) {
        return;
    }
    let running = sleeper();
    let signals = running.process().status().unwrap().signals;
    // Rust ignores SIGPIPE, the lesson blocks what would end it. Others may come from whoever started this test.
    let pipe = signals.ignored >> (libc::SIGPIPE - 1) & 1;
    assert_eq!((signals.blocked, pipe), (0, 0));
}

#[test]
fn a_signal_to_the_lesson_reaches_the_command() {
    if !needs(&NEEDS) {
        return;
    }
    let script = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done";
    let mut running = Background::start(L01, &["run", "--no-card", "sh", "-c", script]);
    assert_eq!(running.line(), "ready");
    running.signal(Signal::SIGTERM);
    assert_eq!(running.wait().code(), Some(7));
}

#[test]
fn what_the_caller_ignores_is_not_ignored_in_the_box() {
    if !needs(&NEEDS) {
        return;
    }
    let script =
        "trap '' HUP INT QUIT USR1; exec \"$0\" run --no-card sh -c 'echo $$; exec sleep 60'";
    let mut command = Command::new("sh");
    let mut running = Background::of(command.args(["-c", script]).arg(binary(L01)));
    assert_eq!(running.line(), "1");
    let ignored = running.process().status().unwrap().signals.ignored;
    assert_eq!(ignored & 0x7fff_ffff, 0, "{ignored:x}");
}

#[test]
fn death_by_signal_n_is_status_128_plus_n() {
    if !needs(&NEEDS) {
        return;
    }
    let running = sleeper();
    kill(running.boxed(), Signal::SIGKILL).unwrap();
    assert_eq!(running.wait().code(), Some(128 + 9));
}

#[test]
fn the_box_dies_with_a_killed_lesson() {
    if !needs(&NEEDS) {
        return;
    }
    let running = sleeper();
    let boxed = running.process();
    running.signal(Signal::SIGKILL);
    let gone = || boxed.status().map_or(Some(()), |status| (status.state == 'Z').then_some(()));
    eventually("the box is gone", gone);
    lesson("00-ground").arg("clean").assert().success();
}

#[test]
fn the_card_shows_what_the_kernel_shows() {
    if !needs(&NEEDS) {
        return;
    }
    let output = lesson(L01).args(["--json", "run", "true"]).output().unwrap();
    let event = serde_json::from_slice(&output.stderr).expect("one line of JSON");
    let ground::story::Event::Card { rows } = event else { panic!("{event:?}") };
    let isolated: Vec<_> =
        rows.iter().filter(|row| row.isolated).map(|row| row.thing.as_str()).collect();
    assert_eq!(isolated, ["pid namespace", "uts namespace", "ipc namespace", "init (PID 1)"]);
    let pid_row = rows.iter().find(|row| row.thing == "pid namespace").unwrap();
    let ours = Process::this().namespace(Namespace::Pid).unwrap().ino;
    assert_eq!(pid_row.host.text, ours.to_string());
}

#[test]
fn rootless_makes_the_same_box_for_an_ordinary_user() {
    if !needs(&[Need::UserNamespaces, Need::Clone3]) {
        return;
    }
    let script = "echo $$ $(id -u)";
    let mut command = Command::new(binary(L01));
    command.args(["--rootless", "run", "--no-card", "sh", "-c", script]);
    if nix::unistd::getuid().is_root() {
        use std::os::unix::process::CommandExt;
        command.uid(65534).gid(65534).env_remove("XDG_RUNTIME_DIR").current_dir("/");
    }
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1 0\n", "{errors}");
}
