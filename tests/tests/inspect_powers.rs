//! `inspect PID --powers` of processes that other programs contained.

use std::process::Command;

use ground::needs::Need;
use nix::unistd::Pid;
use tests::refusal::refused;
use tests::sealed::{BOX, running};
use tests::{Background, eventually, lesson, needs, program};

/// What it says, each piece of evidence in one line.
fn powers(pid: Pid) -> String {
    let args = ["--json", "inspect", "--powers", &pid.to_string()];
    let output = lesson("00-ground").args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The `sleep` that a program has become, or has as a child's child.
fn sleeping(running: &Background) -> Pid {
    let comm = |pid: Pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let child = |pid: Pid| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
        text.split_whitespace().next()?.parse().ok().map(Pid::from_raw)
    };
    eventually("sleep runs", || {
        let family = std::iter::successors(Some(running.pid()), |pid| child(*pid));
        family.into_iter().find(|pid| comm(*pid).trim() == "sleep")
    })
}

#[test]
fn a_child_of_root_may_do_whatever_it_wants() {
    if !needs(&[Need::InitialRoot]) {
        return;
    }
    let running = Background::of(Command::new("sleep").arg("60"));
    let text = powers(sleeping(&running));
    for word in ["CAP_SYS_ADMIN", "core_pattern", "over the host", "root of the host"] {
        assert!(text.contains(word), "no {word} in {text}");
    }
}

#[test]
fn the_default_box_reaches_nothing_of_the_host() {
    if !needs(&BOX) {
        return;
    }
    let running = running(&[]);
    let text = powers(running.boxed());
    for word in ["CAP_CHOWN", "none that reaches the machine", "no privilege over the host"] {
        assert!(text.contains(word), "no {word} in {text}");
    }
    for word in ["CAP_SYS_ADMIN", "it can write"] {
        assert!(!text.contains(word), "{word} in {text}");
    }
}

#[test]
fn a_socket_of_a_daemon_in_the_box_is_named() {
    if !needs(&BOX) {
        return;
    }
    let scratch = tests::Scratch::new();
    let socket = scratch.at("docker.sock");
    let daemon = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let (image, volume) = (scratch.image("image"), format!("{socket}:/run/docker.sock"));
    let run = ["run", "--no-card", "--network", "none", "--rootfs", &image];
    let args = [&run[..], &["-v", &volume, "/bxw-probe", "trap"]].concat();
    let mut running = Background::start("08-caps", &args);
    assert_eq!(running.line(), "ready");
    let text = powers(running.boxed());
    assert!(text.contains("/run/docker.sock") && text.contains("could become"), "{text}");
    drop(daemon);
}

#[test]
fn bubblewrap_leaves_no_capability() {
    if !(needs(&[Need::InitialRoot]) && program("bwrap")) {
        return;
    }
    let mut command = Command::new("bwrap");
    command.args(["--unshare-all", "--cap-drop", "ALL", "--ro-bind", "/", "/", "--dev", "/dev"]);
    let running = Background::of(command.args(["--proc", "/proc", "sleep", "60"]));
    let text = powers(sleeping(&running));
    assert!(!text.contains("CAP_SYS_ADMIN:") && text.contains("NoNewPrivs"), "{text}");
    assert!(text.contains("none that reaches the machine"), "{text}");
}

#[test]
fn root_of_a_user_namespace_has_nothing_over_the_host() {
    if !(needs(&[Need::InitialRoot, Need::UserNamespaces]) && program("unshare")) {
        return;
    }
    let mut command = Command::new("unshare");
    let running = Background::of(command.args(["--user", "--map-root-user", "sleep", "60"]));
    let text = powers(sleeping(&running));
    assert!(text.contains("over its user namespace"), "{text}");
    assert!(!text.contains("root of the host:"), "{text}");
}

#[test]
fn a_process_that_is_not_there_is_one_line() {
    refused("00-ground", &["inspect", "--powers", "4194304"], 1, &["/proc/4194304"]);
    refused("00-ground", &["inspect", "--powers", "-1"], 2, &["1 or above"]);
}
