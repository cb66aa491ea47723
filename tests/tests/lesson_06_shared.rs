//! What boxes of lesson 06 have in common with others: forwarding with those of other users, names with those whose network
//! they share, a number with namespaces that have ended.

use std::fs;
use std::os::unix::fs::MetadataExt;

use ground::host::{owner, state_dir};
use ground::needs::Need;
use nix::sys::signal::{Signal, kill};
use tests::router::{Router, inode};
use tests::{Background, Scratch, eventually, kernel_file, needs, program, said};

const L06: &str = "06-veth";
const CABLE: [Need; 3] = [Need::Admin, Need::Clone3, Need::Veth];
const BRIDGE: [Need; 5] = [Need::Admin, Need::Clone3, Need::Veth, Need::Bridge, Need::Nftables];

/// A box that holds until it is ended, of the user with this number.
fn holding(router: &Router, user: u32, flags: &[&str]) -> Background {
    let scratch = Scratch::new();
    let root = scratch.image("root");
    let run = ["run", "--no-card", "--rootfs", &root];
    let args = [&run[..], flags, &["/bxw-probe", "hold"]].concat();
    let mut command = router.command(L06, &args);
    let mut running = Background::of(command.env("SUDO_UID", user.to_string()));
    assert_eq!(running.line(), "ready");
    running
}

fn on_bridge(router: &Router, user: u32) -> Background {
    holding(router, user, &["--network", "bridge"])
}

fn forwards(router: &Router) -> bool {
    said(&mut router.command("bxw-probe", &["sysctl", "net.ipv4.ip_forward"])).ends_with(" 1\n")
}

/// The files that say what forwarding was in this namespace.
fn written(router: &Router) -> usize {
    let begin = format!("bxw-forwarding-{}-", inode(router.pid()).unwrap());
    let entries = fs::read_dir("/run").unwrap().flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&begin)).count()
}

/// Ends the box, and waits for the lesson: whatever it takes to remove what it made.
fn ended(running: Background) {
    kill(running.boxed(), Signal::SIGKILL).unwrap();
    running.wait();
}

/// Somebody else on this host.
fn other() -> u32 {
    owner().as_raw() + 50_000
}

#[test]
fn forwarding_stays_on_while_a_box_of_another_user_needs_it() {
    if !needs(&BRIDGE) {
        return;
    }
    let router = Router::new();
    assert!(!forwards(&router));
    let first = on_bridge(&router, owner().as_raw());
    let second = on_bridge(&router, other());
    ended(first);
    let mine = format!("bxw-{}", owner());
    eventually("the first's bridge is gone", || (!router.links().contains(&mine)).then_some(()));
    assert!(forwards(&router), "the second still needs it");
    ended(second);
    assert!(!forwards(&router), "as it was");
    assert_eq!(written(&router), 0);
}

#[test]
fn a_box_that_was_killed_needs_no_forwarding() {
    if !needs(&BRIDGE) {
        return;
    }
    let router = Router::new();
    let first = on_bridge(&router, owner().as_raw());
    let second = on_bridge(&router, other());
    first.signal(Signal::SIGKILL);
    first.wait();
    ended(second);
    assert!(!forwards(&router), "as it was");
    assert_eq!(written(&router), 0);
    tests::lesson("00-ground").arg("clean").assert().success();
    eventually("the bridge is gone", || router.links().is_empty().then_some(()));
}

/// The kernel gives the number of a namespace to another one when it has ended; the cookie never.
#[test]
fn what_is_written_of_a_namespace_that_has_ended_means_no_other() {
    if !needs(&BRIDGE) {
        return;
    }
    let router = Router::new();
    let running = on_bridge(&router, owner().as_raw());
    let links = router.links();
    let stale = state_dir().unwrap().join(format!("network-{}-1", inode(router.pid()).unwrap()));
    fs::write(&stale, r#"{"subnets":["10.77.0.0/24"],"leases":[]}"#).unwrap();
    tests::lesson("00-ground").arg("clean").assert().success();
    assert!(!stale.exists());
    assert_eq!(router.links(), links);
    drop(running);
    eventually("everything is gone", || router.links().is_empty().then_some(()));
}

/// Their rules are longer than what the kernel takes in one send.
#[test]
fn three_hundred_ports_are_published() {
    if !needs(&BRIDGE) {
        return;
    }
    let router = Router::new();
    let ports: Vec<String> = (0..300).map(|i| format!("{}:80", 20_000 + i)).collect();
    let flags: Vec<_> = ports.iter().flat_map(|port| ["-p", port.as_str()]).collect();
    let run = ["run", "--no-card", "--network", "bridge"];
    let server = ["probe", "tcp-serve", "0.0.0.0:80", "9"];
    let mut running =
        Background::of(&mut router.command(L06, &[&run[..], &flags, &server].concat()));
    loop {
        let line = running.line();
        assert!(!line.is_empty(), "it has ended");
        if line.starts_with("listening") {
            break;
        }
    }
    for port in [20_000, 20_150, 20_299] {
        let ask = ["tcp-ask", &format!("127.0.0.1:{port}")];
        assert!(said(&mut router.command("bxw-probe", &ask)).contains("answer"), "{port}");
    }
    drop(running);
    let tables = || router.inside(|| veth::beyond::nft::tables().unwrap());
    eventually("no table is left", || tables().is_empty().then_some(()));
}

#[test]
fn boxes_that_share_a_network_share_its_names() {
    if !needs(&CABLE) {
        return;
    }
    let router = Router::new();
    let holds = |flags: &[&str]| {
        let run = ["run", "--no-card"];
        let args = [&run[..], flags, &["probe", "hold"]].concat();
        let mut running = Background::of(&mut router.command(L06, &args));
        assert_eq!(running.line(), "ready");
        running
    };
    let first = holds(&["--add-host", "db:10.9.9.9", "--dns", "192.0.2.53"]);
    let pid = first.boxed().to_string();
    let second = holds(&["--network", &format!("container:{pid}")]);
    let of = |running: &Background, file: &str| {
        let meta = fs::metadata(format!("/proc/{}/root/etc/{file}", running.boxed())).unwrap();
        (meta.dev(), meta.ino())
    };
    for file in ["hosts", "resolv.conf"] {
        assert_eq!(of(&second, file), of(&first, file), "{file} is one file");
    }
    let target = format!("container:{pid}");
    for flags in [["--dns", "192.0.2.1"], ["--add-host", "x:192.0.2.1"]] {
        let args = [&["run", "--network", &target], &flags[..], &["true"]].concat();
        let output = router.command(L06, &args).output().unwrap();
        tests::refusal::says(&output, 125, &[flags[0], "of the box's own"]);
    }
    // Whoever made the file may go first.
    drop(first);
    fs::read_to_string(format!("/proc/{}/root/etc/hosts", second.boxed())).unwrap();
}

#[test]
fn doctor_reads_the_older_packet_filter_too() {
    let tool = "iptables-legacy";
    if !needs(&CABLE) || !program(tool) || !kernel_file("/proc/net/ip_tables_names") {
        return;
    }
    let router = Router::new();
    let doctor = || {
        let output = router.command("00-ground", &["doctor"]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(!doctor().contains(tool));
    said(&mut router.tool(tool, &["-P", "FORWARD", "DROP"]));
    let told = doctor();
    for words in ["chain FORWARD of iptables-legacy drops", "iptables-legacy -I FORWARD -i bxw-"] {
        assert!(told.contains(words), "no {words} in {told}");
    }
}
