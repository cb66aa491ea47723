//! Bad input for lesson 06: one line, the right status, nothing left.

use ground::needs::Need;
use tests::refusal::says;
use tests::router::Router;
use tests::{lesson, needs, said};

const L06: &str = "06-veth";
const CABLE: [Need; 3] = [Need::Admin, Need::Clone3, Need::Veth];

#[track_caller]
fn refused(router: &Router, flags: &[&str], words: &[&str]) {
    let args = [&["run", "--no-card"], flags, &["true"]].concat();
    let output = router.command(L06, &args).output().unwrap();
    says(&output, 125, words);
}

#[test]
fn what_makes_no_sense_is_refused_by_the_command_line() {
    if !needs(&CABLE) {
        return;
    }
    let router = Router::new();
    for (flags, word) in [
        (["--network", "wifi"].as_slice(), "veth, none, host, bridge"),
        (&["--network", "container:"], "veth, none, host, bridge"),
        (&["--network", "ns:a/b"], "cannot name a network namespace"),
        (&["--network", "ns:.."], "cannot name a network namespace"),
        (&["--subnet", "10.0.0.0"], "an address and its prefix are wanted"),
        (&["--subnet", "10.0.0.0/33"], "an address and its prefix are wanted"),
        (&["--subnet", "10.0.0.0/31"], "no room for gateway and box"),
        (&["--subnet", "10.0.0.5/24"], "the network is 10.0.0.0/24"),
        (&["--subnet", "fd00::/64"], "an IPv4 network is wanted"),
        (&["--subnet", "127.0.0.0/8"], "no host can have an address"),
        (&["--subnet", "224.0.0.0/24"], "no host can have an address"),
        (&["--mac-address", "02:00:00:00:00"], "a MAC address like"),
        (&["--mac-address", "01:00:00:00:00:01"], "means a group"),
        (&["--mtu", "12"], "12 is not in 68..=65535"),
        (&["--ip", "10.77.0"], "invalid"),
        (&["--ip", "10.77.0.9"], "--ip needs --network bridge"),
        (&["-p", "80"], "[IP:]HOST:BOX"),
        (&["-p", "0:80"], "is no port"),
        (&["-p", "80:70000"], "is no port"),
        (&["-p", "8080:80"], "--publish needs --network bridge"),
        (&["--add-host", "db"], "NAME:IP is wanted"),
        (&["--dns", "one.one"], "invalid"),
        (&["--sysctl", "kernel.hostname=x"], "only net.*"),
        (
            &["--network", "host", "--sysctl", "net.ipv4.ip_default_ttl=1"],
            "a network of the box's own",
        ),
    ] {
        refused(&router, flags, &[word]);
    }
    assert_eq!(router.links(), Vec::<String>::new());
}

#[test]
fn what_is_not_there_cannot_be_joined() {
    if !needs(&CABLE) {
        return;
    }
    let router = Router::new();
    refused(&router, &["--network", "container:4194304"], &["ENOENT", "there is no such network"]);
    refused(&router, &["--network", "container:bxw-0-run-0"], &["no box of the name"]);
    refused(&router, &["--network", "ns:bxw-nowhere"], &["/run/netns/bxw-nowhere", "ENOENT"]);
}

#[test]
fn settings_that_are_not_there_or_take_no_such_value() {
    if !needs(&CABLE) {
        return;
    }
    let router = Router::new();
    refused(&router, &["--sysctl", "net.ipv4.nonsense=1"], &["net/ipv4/nonsense", "ENOENT"]);
    refused(&router, &["--sysctl", "net.ipv4.ip_default_ttl=999"], &["EINVAL"]);
    tests::eventually("the cables are gone", || router.links().is_empty().then_some(()));
}

#[test]
fn an_address_or_a_port_belongs_to_one() {
    if !needs(&CABLE) || !needs(&[Need::Bridge, Need::Nftables]) {
        return;
    }
    let router = Router::new();
    let bridge = ["--network", "bridge"];
    let with = |flags: &[&'static str]| [&bridge[..], flags].concat();
    refused(&router, &with(&["--ip", "10.9.0.1"]), &["not in the bridge's network"]);
    refused(&router, &with(&["--ip", "10.77.0.1"]), &["the gateway's"]);
    refused(&router, &with(&["--ip", "10.77.0.255"]), &["means 10.77.0.0/24 as a whole"]);
    refused(&router, &with(&["--mtu", "1000"]), &["EINVAL", "an MTU of at least 1280"]);
    tests::eventually("the cable is gone", || router.links().is_empty().then_some(()));
    refused(&router, &with(&["-p", "192.0.2.9:80:80"]), &["EADDRNOTAVAIL", "no link of this host"]);
    let _listener = router.inside(|| std::net::TcpListener::bind("0.0.0.0:8080").unwrap());
    refused(&router, &with(&["-p", "8080:80"]), &["EADDRINUSE", "choose another one"]);
    assert_eq!(router.links(), Vec::<String>::new(), "neither bridge nor cable");
}

#[test]
fn a_full_network_takes_nobody() {
    if !needs(&CABLE) || !needs(&[Need::Bridge, Need::Nftables]) {
        return;
    }
    let router = Router::new();
    let flags = ["--network", "bridge", "--subnet", "192.0.2.0/30"];
    let args =
        [&["run", "--no-card"], &flags[..], &["sh", "-c", "echo here; exec sleep 60"]].concat();
    let mut first = tests::Background::of(&mut router.command(L06, &args));
    assert_eq!(first.line(), "here");
    refused(&router, &flags, &["every address of 192.0.2.0/30 is taken", "--subnet"]);
    refused(&router, &["--network", "bridge", "--subnet", "10.5.0.0/24"], &["is there already"]);
}

#[test]
fn the_host_becomes_no_router_without_being_asked() {
    if !needs(&CABLE) || !needs(&[Need::InitialRoot]) {
        return;
    }
    let file = "/proc/sys/net/ipv4/ip_forward";
    let initial = std::path::Path::new("/proc/sys/net/core/dev_weight").exists();
    let before = std::fs::read_to_string(file).unwrap();
    if before.trim() != "0" || !initial {
        return; // there would be nothing to ask
    }
    let args = ["run", "--no-card", "--network", "bridge", "true"];
    let output = lesson(L06).args(args).env_remove("BXW_YES").output().unwrap();
    says(&output, 125, &["makes a router of this machine", "--yes"]);
    assert_eq!(std::fs::read_to_string(file).unwrap(), before);
}

#[test]
fn without_privilege_it_says_so() {
    if !needs(&CABLE) || !needs(&[Need::InitialRoot]) {
        return;
    }
    let output = tests::as_nobody(L06, &["run", "--no-card", "true"]).output().unwrap();
    says(&output, 125, &["CAP_SYS_ADMIN"]);
    // Anything that was left would be in the way of this one.
    said(&mut Router::new().command(L06, &["run", "--no-card", "true"]));
}
