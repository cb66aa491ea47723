//! The bridge of lesson 06: boxes that reach each other, the world and are reached, and what is left when they have ended.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use ground::needs::Need;
use nix::sys::signal::Signal;
use tests::router::Router;
use tests::{Background, eventually, needs, program, said};

const L06: &str = "06-veth";
const BRIDGE: [Need; 5] = [Need::Admin, Need::Clone3, Need::Veth, Need::Bridge, Need::Nftables];

fn arguments<'a>(flags: &[&'a str], command: &[&'a str]) -> Vec<&'a str> {
    [&["run", "--no-card", "--network", "bridge"], flags, command].concat()
}

/// A box that serves; it listens when this returns.
fn serving(router: &Router, flags: &[&str], server: &[&str]) -> Background {
    let mut running = Background::of(&mut router.command(L06, &arguments(flags, server)));
    while !running.line().starts_with("listening") {}
    running
}

fn printed(router: &Router, command: &[&str]) -> String {
    said(&mut router.command(L06, &arguments(&[], command)))
}

fn bridge() -> String {
    ground::host::network::shared_name()
}

fn tables(router: &Router) -> Vec<String> {
    let tables = router.inside(|| veth::beyond::nft::tables().unwrap());
    tables.into_iter().map(|(_, name)| name).collect()
}

fn setting(router: &Router, name: &str) -> String {
    said(&mut router.command("bxw-probe", &["sysctl", name]))
}

/// A tenth of them on an emulated CPU.
fn crowd(usual: usize) -> usize {
    if Need::Disposable.is_met() { usual / 10 } else { usual }
}

/// A router and a machine behind it that knows of no box.
fn world() -> (Router, Router) {
    let (router, client) = (Router::new(), Router::new());
    router.connect(
        &client,
        &["203.0.113.1/24", "2001:db8::1/64"],
        &["203.0.113.9/24", "2001:db8::9/64"],
    );
    (router, client)
}

#[test]
fn boxes_on_a_bridge_reach_each_other() {
    if !needs(&BRIDGE) {
        return;
    }
    let router = Router::new();
    let _tcp =
        serving(&router, &["--ip", "10.77.0.20"], &["probe", "tcp-serve", "0.0.0.0:80", "9"]);
    let _six =
        serving(&router, &["--ip6", "fd62:7877::21"], &["probe", "tcp-serve", "[::]:80", "9"]);
    let _udp =
        serving(&router, &["--ip", "10.77.0.22"], &["probe", "udp-serve", "0.0.0.0:53", "9"]);
    for (verb, to) in [
        ("tcp-ask", "10.77.0.20:80"),
        ("tcp-ask", "[fd62:7877::21]:80"),
        ("udp-ask", "10.77.0.22:53"),
    ] {
        let text = printed(&router, &["probe", verb, to]);
        // They are seen as who they are: nothing is translated between them.
        assert!(text.contains("answer 10.77.0.") || text.contains("answer fd62:7877::"), "{text}");
    }
    for to in ["10.77.0.20", "fd62:7877::21", "10.77.0.1", "fd62:7877::1"] {
        // The kernel may drop the first packets of a link that has just come up.
        let text = printed(&router, &["probe", "ping", to, "3", "56", "1000"]);
        assert!(!text.contains("received 0"), "{to}: {text}");
    }
}

#[test]
fn the_world_sees_the_routers_address() {
    if !needs(&BRIDGE) {
        return;
    }
    let (router, client) = world();
    for (listen, at, seen) in [
        ("0.0.0.0:80", "203.0.113.9:80", "answer 203.0.113.1"),
        ("[::]:80", "[2001:db8::9]:80", "answer 2001:db8::1"),
    ] {
        let mut server = Background::of(&mut client.command("bxw-probe", &["tcp-serve", listen]));
        while !server.line().starts_with("listening") {}
        let text = printed(&router, &["probe", "tcp-ask", at]);
        assert!(text.contains(seen), "{text}");
    }
}

#[test]
fn a_published_port_leads_to_the_box() {
    if !needs(&BRIDGE) {
        return;
    }
    let (router, client) = world();
    let flags = ["-p", "8080:80", "-p", "[2001:db8::1]:8086:80"];
    let _four = serving(&router, &flags, &["probe", "tcp-serve", "[::]:80", "9"]);
    let _udp = serving(&router, &["-p", "5353:53/udp"], &["probe", "udp-serve", "0.0.0.0:53", "9"]);
    let asked =
        |from: &Router, verb: &str, to: &str| said(&mut from.command("bxw-probe", &[verb, to]));
    for to in ["203.0.113.1:8080", "[2001:db8::1]:8080", "[2001:db8::1]:8086"] {
        let text = asked(&client, "tcp-ask", to);
        assert!(
            text.contains("203.0.113.9") || text.contains("2001:db8::9"),
            "the client itself: {text}"
        );
    }
    assert!(asked(&client, "udp-ask", "203.0.113.1:5353").contains("answer 203.0.113.9"));
    for to in ["203.0.113.1:8080", "127.0.0.1:8080"] {
        assert!(asked(&router, "tcp-ask", to).contains("answer"), "from the host: {to}");
    }
    // Another box, by the host's address: the answer must come back through the translation.
    assert!(printed(&router, &["probe", "tcp-ask", "203.0.113.1:8080"]).contains("answer"));
}

#[test]
fn what_is_not_published_is_not_reached() {
    if !needs(&BRIDGE) {
        return;
    }
    let (router, client) = world();
    client.default_route("203.0.113.1");
    let _local =
        serving(&router, &["-p", "127.0.0.1:8080:80"], &["probe", "tcp-serve", "0.0.0.0:80", "9"]);
    for to in ["10.77.0.2:80", "203.0.113.1:8080"] {
        let output = client.command("bxw-probe", &["tcp-ask", to]).output().unwrap();
        assert!(!output.status.success(), "{to}: {}", String::from_utf8_lossy(&output.stdout));
    }
    assert!(
        said(&mut router.command("bxw-probe", &["tcp-ask", "127.0.0.1:8080"])).contains("answer")
    );
}

#[test]
fn the_last_box_takes_everything_down() {
    if !needs(&BRIDGE) {
        return;
    }
    let router = Router::new();
    let first = serving(&router, &["-p", "8080:80"], &["probe", "tcp-serve", "0.0.0.0:80", "9"]);
    assert_eq!(tables(&router).len(), 2, "the bridge's, and that of the published port");
    printed(&router, &["true"]);
    assert!(router.links().contains(&bridge()), "somebody is on it");
    assert!(setting(&router, "net.ipv4.ip_forward").ends_with(" 1\n"));
    drop(first);
    let gone = || (router.links().is_empty() && tables(&router).is_empty()).then_some(());
    eventually("everything is gone", gone);
    assert!(setting(&router, "net.ipv4.ip_forward").ends_with(" 0\n"), "as it was");
    assert!(setting(&router, "net.ipv6.conf.all.forwarding").ends_with(" 0\n"));
}

#[test]
fn what_forwarding_changes_besides_is_put_back() {
    if !needs(&BRIDGE) {
        return;
    }
    let (router, _client) = world();
    let file = |name: &str| format!("/proc/sys/net/{name}");
    let read = |name: &str| {
        let value = router.inside(|| std::fs::read_to_string(file(name)).unwrap());
        value.trim().to_string()
    };
    let hardened = [
        ("ipv4/conf/all/accept_redirects", "0"),
        ("ipv4/conf/wan/forwarding", "1"),
        ("ipv6/conf/wan/forwarding", "1"),
        ("ipv6/conf/wan/accept_ra", "1"),
    ];
    for (name, value) in hardened {
        router.inside(|| std::fs::write(file(name), value).unwrap());
    }
    let running = serving(&router, &[], &["probe", "tcp-serve", "0.0.0.0:80", "9"]);
    assert_eq!(read("ipv6/conf/wan/accept_ra"), "2", "a router has announced the way out");
    assert_eq!(read(&format!("ipv6/conf/{}/accept_ra", bridge())), "0", "a box may not");
    drop(running);
    eventually("the bridge is gone", || (!router.links().contains(&bridge())).then_some(()));
    // The bridge goes first, then the settings.
    eventually("forwarding is off", || (read("ipv4/ip_forward") == "0").then_some(()));
    for (name, value) in hardened {
        let reason = || (read(name) == value).then_some(());
        eventually(&format!("{name} is {value} again"), reason);
    }
}

#[test]
fn nft_and_bridge_list_what_was_made() {
    if !needs(&BRIDGE) || !program("nft") || !program("bridge") {
        return;
    }
    let router = Router::new();
    let running = serving(&router, &["-p", "8080:80"], &["probe", "tcp-serve", "0.0.0.0:80", "9"]);
    let text = said(&mut router.tool("nft", &["-j", "list", "ruleset"]));
    serde_json::from_str::<serde_json::Value>(&text).expect("nft reads it");
    let rules = said(&mut router.tool("nft", &["list", "ruleset"]));
    for rule in [
        format!("ip saddr 10.77.0.0/24 oifname != \"{}\" masquerade", bridge()),
        "ct state established,related accept".into(),
        "fib daddr type local tcp dport 8080 dnat ip to 10.77.0.2:80".into(),
    ] {
        assert!(rules.contains(&rule), "no {rule} in {rules}");
    }
    let ports = said(&mut router.tool("bridge", &["link"]));
    assert!(ports.contains(&format!("bxw{}", running.pid())) && ports.contains("state forwarding"));
}

/// A box that says which address it has, and lives until its standard input ends.
struct Waiting {
    child: Child,
    address: String,
}

impl Waiting {
    fn start(router: &Router) -> Child {
        let script = "sed -n '3p' /etc/hosts; read line";
        let args = arguments(&[], &["sh", "-c", script]);
        let mut command = router.command(L06, &args);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        piped.spawn().expect("the lesson starts")
    }

    fn of(mut child: Child) -> Waiting {
        let mut address = String::new();
        let stdout = child.stdout.take().expect("was piped");
        BufReader::new(stdout).read_line(&mut address).expect("read its output");
        Waiting { child, address: address.split('\t').next().unwrap_or_default().trim().into() }
    }
}

#[test]
fn two_hundred_boxes_at_once_have_two_hundred_addresses() {
    if !needs(&BRIDGE) {
        return;
    }
    let many = crowd(200);
    let router = Router::new();
    let children: Vec<Child> = (0..many).map(|_| Waiting::start(&router)).collect();
    let boxes: Vec<Waiting> = children.into_iter().map(Waiting::of).collect();
    let addresses: BTreeSet<_> = boxes.iter().map(|waiting| waiting.address.clone()).collect();
    assert_eq!(router.links().len(), many + 1, "a cable each, and the bridge");
    for Waiting { mut child, .. } in boxes {
        drop(child.stdin.take());
        // `read` fails at the end of its input.
        assert_eq!(child.wait().expect("it is our child").code(), Some(1));
    }
    assert_eq!(addresses.len(), many);
    eventually("everything is gone", || {
        (router.links().is_empty() && tables(&router).is_empty()).then_some(())
    });
}

#[test]
fn clean_finds_what_a_sigkill_left_of_a_network() {
    if !needs(&BRIDGE) {
        return;
    }
    let router = Router::new();
    let mut moment = 0x9E37_79B9_u32;
    for _ in 0..crowd(20) {
        moment = moment.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let args = arguments(&["-p", "8080:80"], &["sleep", "60"]);
        let running = Background::of(&mut router.command(L06, &args));
        sleep(Duration::from_micros(u64::from(moment >> 15)));
        running.signal(Signal::SIGKILL);
        running.wait();
        said(&mut router.command("00-ground", &["clean"]));
        let gone = || (router.links().is_empty() && tables(&router).is_empty()).then_some(());
        eventually("everything is gone", gone);
        assert!(setting(&router, "net.ipv4.ip_forward").ends_with(" 0\n"), "as it was");
    }
}

#[test]
fn a_dead_runs_address_is_free_without_clean() {
    if !needs(&BRIDGE) {
        return;
    }
    let router = Router::new();
    let first = serving(&router, &["--ip", "10.77.0.9"], &["probe", "tcp-serve", "0.0.0.0:80"]);
    first.signal(Signal::SIGKILL);
    first.wait();
    let args = arguments(&["--ip", "10.77.0.9"], &["true"]);
    said(&mut router.command(L06, &args));
    eventually("the last one took it down", || router.links().is_empty().then_some(()));
}
