//! The network of an ordinary user's box, looked at from outside.

use std::fs;
use std::process::Command;

use ground::needs::Need;
use ground::proc::Process;
use ground::proc::ns::Namespace;
use nix::sys::signal::Signal;
use tests::refusal::{refused, says};
use tests::{Background, Scratch, as_nobody, binary, eventually, needs, program};

const L08: &str = "08-caps";
const NEEDS: [Need; 6] = [
    Need::InitialRoot,
    Need::Mknod,
    Need::UserNamespaces,
    Need::Clone3,
    Need::MountApi,
    Need::MountSetattr,
];

/// `08-caps ARGS…` by nobody, on a host where everybody may open `/dev/net/tun`, as on most.
fn with_tun(scratch: &Scratch, args: &[&str]) -> Command {
    let script = format!(
        "set -e; [ -e {0} ] || mknod {0} c 10 200; chmod 666 {0}; mount --bind {0} /dev/net/tun; cd /; \
         exec setpriv --reuid 65534 --regid 65534 --clear-groups \"$@\"",
        scratch.at("tun")
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script, "sh"]).arg(binary(L08)).args(args);
    command.env_remove("SUDO_UID").env_remove("XDG_RUNTIME_DIR");
    command
}

/// The child of the lesson beside the box.
fn helper_of(running: &Background) -> Process {
    let file = format!("/proc/{0}/task/{0}/children", running.pid());
    let children = fs::read_to_string(file).unwrap();
    let number =
        children.split_whitespace().nth(1).expect("the box, and the program that connects it");
    Process::of(nix::unistd::Pid::from_raw(number.parse().unwrap()))
}

/// Whether it runs, and is not only a zombie.
fn is_alive(process: &Process) -> bool {
    process.status().is_ok_and(|status| status.state != 'Z')
}

fn connects(name: &str) {
    let tools = ["unshare", "setpriv", name].iter().all(|tool| program(tool));
    if !(needs(&NEEDS) && tools && fs::exists("/dev/net/tun").unwrap_or(false)) {
        return;
    }
    let scratch = Scratch::new();
    let image = scratch.image("image");
    let probe = ["/bxw-probe", "script", "pid; sleep 60"];
    let args = [&["run", "--no-card", "--rootfs", &image, "--network", name], &probe[..]].concat();
    let mut running = Background::of(&mut with_tun(&scratch, &args));
    assert_eq!(running.line(), "pid 1");
    let process = running.process();
    let own = process.namespace(Namespace::Network).unwrap();
    assert_ne!(own, Process::this().namespace(Namespace::Network).unwrap());
    let routes = process.read("net/route").unwrap();
    assert!(
        routes.lines().any(|line| line.split_whitespace().nth(1) == Some("00000000")),
        "{routes}"
    );
    for killed in [false, true] {
        let mut running = Background::of(&mut with_tun(&scratch, &args));
        assert_eq!(running.line(), "pid 1");
        let helper = helper_of(&running);
        assert!(is_alive(&helper));
        if killed {
            running.signal(Signal::SIGKILL);
            running.wait();
        } else {
            drop(running);
        }
        eventually("the program is gone", || (!is_alive(&helper)).then_some(()));
    }
}

#[test]
fn slirp4netns_gives_an_ordinary_users_box_a_route() {
    connects("slirp4netns");
}

#[test]
fn pasta_gives_an_ordinary_users_box_a_route() {
    // It copies the host's: without one it gives up.
    let routes = fs::read_to_string("/proc/net/route").unwrap_or_default();
    if routes.lines().any(|line| line.split_whitespace().nth(1) == Some("00000000")) {
        connects("pasta");
    }
}

#[test]
fn what_cannot_be_connected_is_one_line() {
    if !needs(&NEEDS) {
        return;
    }
    refused(L08, &["run", "--network", "pasta", "true"], 125, &["ordinary user", "--network veth"]);
    refused(L08, &["run", "--network", "passt", "true"], 125, &["passt", "pasta or slirp4netns"]);
    let scratch = Scratch::new();
    let image = scratch.image("image");
    let args = ["run", "--rootfs", &image, "--network", "slirp4netns", "/bxw-probe", "pid"];
    let output = as_nobody(L08, &args).env("PATH", "/nowhere").output().unwrap();
    says(&output, 125, &["slirp4netns is not installed", "package"]);
}
