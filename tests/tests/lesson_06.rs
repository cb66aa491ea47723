//! Lesson 06, looked at from outside: links, addresses and routes of a box and of its host, by netlink. Every host is a
//! network namespace that the test has made.

use std::net::IpAddr;

use ground::needs::Need;
use nix::unistd::Pid;
use tests::router::{Router, ask, inode};
use tests::{Background, eventually, needs, program, said};
use veth::netlink::{Cidr, Link, State};

const L06: &str = "06-veth";
const CABLE: [Need; 3] = [Need::Admin, Need::Clone3, Need::Veth];

/// `run FLAGS COMMAND` on the router, and its command has begun.
fn boxed(router: &Router, flags: &[&str], command: &[&str]) -> (Background, Pid) {
    let args = [&["run", "--no-card"], flags, command].concat();
    let running = Background::of(&mut router.command(L06, &args));
    let pid = eventually("the command runs", || {
        let pid = running.boxed();
        let comm = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        // To find a root file system the lesson may start other programs, on the host.
        let space = |of| std::fs::read_link(format!("/proc/{of}/ns/pid")).ok();
        (space(pid) != space(Pid::this()) && comm != "06-veth\n").then_some(pid)
    });
    (running, pid)
}

fn sleeping(router: &Router, flags: &[&str]) -> (Background, Pid) {
    boxed(router, flags, &["probe", "sleep", "60"])
}

fn link(of: Pid, name: &str) -> Link {
    ask(of, |netlink| netlink.link(name).unwrap())
}

fn addresses(of: Pid, name: &str) -> Vec<Cidr> {
    let index = link(of, name).index;
    let all = ask(of, |netlink| netlink.addresses().unwrap());
    all.into_iter().filter(|address| address.link == index).map(|address| address.cidr).collect()
}

fn cidr(word: &str) -> Cidr {
    word.parse().unwrap()
}

/// What a box printed to its end.
fn printed(router: &Router, flags: &[&str], command: &[&str]) -> String {
    let args = [&["run", "--no-card"], flags, command].concat();
    said(&mut router.command(L06, &args))
}

#[test]
fn loopback_is_up_and_has_its_addresses() {
    if !needs(&CABLE) {
        return;
    }
    let router = Router::new();
    let (_running, pid) = sleeping(&router, &["--network", "none"]);
    assert!(link(pid, "lo").is_up());
    assert!(addresses(pid, "lo").contains(&cidr("127.0.0.1/8")));
    assert_eq!(ask(pid, |netlink| netlink.links().unwrap().len()), 1, "and nothing else");
    assert_ne!(inode(pid), inode(router.pid()));
}

#[test]
fn a_cable_has_one_end_here_and_one_there() {
    if !needs(&CABLE) {
        return;
    }
    let router = Router::new();
    let (running, pid) = sleeping(&router, &[]);
    let name = format!("bxw{}", running.pid());
    let (near, far) = (link(router.pid(), &name), link(pid, "eth0"));
    assert_eq!((near.peer, far.peer), (Some(far.index), Some(near.index)));
    assert!(near.peer_namespace.is_some() && far.peer_namespace.is_some(), "in another namespace");
    assert_eq!((near.kind.as_deref(), far.kind.as_deref()), (Some("veth"), Some("veth")));
    assert_eq!((near.state, far.state), (State::Up, State::Up));
    let alias = near.alias.unwrap_or_default();
    assert!(alias.ends_with(&format!("-run-{}", running.pid())), "{alias}");
}

#[test]
fn a_cable_has_an_address_at_each_end_and_is_the_way_out() {
    if !needs(&CABLE) {
        return;
    }
    let router = Router::new();
    let (running, pid) = sleeping(&router, &["--subnet", "192.0.2.4/30"]);
    let name = format!("bxw{}", running.pid());
    assert!(addresses(router.pid(), &name).contains(&cidr("192.0.2.5/30")));
    assert!(addresses(pid, "eth0").contains(&cidr("192.0.2.6/30")));
    let routes = ask(pid, |netlink| netlink.routes().unwrap());
    let default = routes.iter().find(|r| r.is_main() && r.destination.is_none()).unwrap();
    assert_eq!(default.gateway, Some(IpAddr::from([192, 0, 2, 5])));
    assert_eq!(default.link, Some(link(pid, "eth0").index));
}

#[test]
fn mac_and_mtu_are_as_asked_for() {
    if !needs(&CABLE) {
        return;
    }
    let router = Router::new();
    let flags = ["--mac-address", "02:00:00:00:12:34", "--mtu", "1400"];
    let (running, pid) = sleeping(&router, &flags);
    let far = link(pid, "eth0");
    assert_eq!(far.mac.unwrap().to_string(), "02:00:00:00:12:34");
    assert_eq!((far.mtu, link(router.pid(), &format!("bxw{}", running.pid())).mtu), (1400, 1400));
}

#[test]
fn host_and_box_reach_each_other() {
    if !needs(&CABLE) {
        return;
    }
    let router = Router::new();
    let text = printed(&router, &[], &["probe", "ping", "10.78.0.1", "2"]);
    assert!(text.contains("received 2"), "{text}");
    let (mut serving, _pid) = boxed(&router, &[], &["probe", "tcp-serve", "0.0.0.0:80"]);
    eventually_line(&mut serving, "listening");
    // The kernel may not have taken the other cable away yet.
    let of_this = addresses(router.pid(), &format!("bxw{}", serving.pid()));
    let near = of_this.into_iter().find(|cidr| cidr.address.is_ipv4()).unwrap();
    let at = format!("{}:80", near.nth(2).address);
    let text = said(&mut router.command("bxw-probe", &["tcp-ask", &at]));
    assert!(text.contains(&format!("answer {}", near.address)), "{text}");
}

/// Reads on until a line begins like this.
fn eventually_line(running: &mut Background, beginning: &str) {
    for _ in 0..20 {
        if running.line().starts_with(beginning) {
            return;
        }
    }
    panic!("no line begins with {beginning}");
}

#[test]
fn nothing_is_left_when_the_box_has_ended() {
    if !needs(&CABLE) {
        return;
    }
    let router = Router::new();
    printed(&router, &[], &["true"]);
    eventually("the cable is gone", || router.links().is_empty().then_some(()));
    let forward = printed_sysctl(&router, "net.ipv4.ip_forward");
    assert!(forward.ends_with(" 0"), "a cable changes no setting: {forward}");
}

fn printed_sysctl(router: &Router, name: &str) -> String {
    said(&mut router.command("bxw-probe", &["sysctl", name])).lines().last().unwrap_or("").into()
}

#[test]
fn host_mode_shares_and_container_mode_joins() {
    if !needs(&CABLE) {
        return;
    }
    let router = Router::new();
    let (_host, pid) = sleeping(&router, &["--network", "host"]);
    assert_eq!(inode(pid), inode(router.pid()));
    let (_first, first) =
        boxed(&router, &["--network", "none"], &["probe", "tcp-serve", "127.0.0.1:80"]);
    for target in [format!("container:{first}"), format!("container:{}", run_name(&_first))] {
        let (_second, second) = sleeping(&router, &["--network", &target]);
        assert_eq!(inode(second), inode(first), "{target}");
    }
    let ask = ["probe", "tcp-ask", "127.0.0.1:80"];
    let text = printed(&router, &["--network", &format!("container:{first}")], &ask);
    assert!(text.contains("answer 127.0.0.1"), "{text}");
}

fn run_name(running: &Background) -> String {
    format!("bxw-{}-run-{}", ground::host::owner(), running.pid())
}

#[test]
fn what_ip_netns_has_made_is_joined() {
    if !needs(&CABLE) || !program("ip") {
        return;
    }
    let name = format!("bxw-{}-run-{}-test", ground::host::owner(), std::process::id());
    let router = Router::new();
    said(std::process::Command::new("ip").args(["netns", "add", &name]));
    let inside =
        printed(&router, &["--network", &format!("ns:{name}")], &["readlink", "/proc/self/ns/net"]);
    use std::os::unix::fs::MetadataExt;
    let inode = std::fs::metadata(format!("/run/netns/{name}")).map(|meta| meta.ino());
    said(std::process::Command::new("ip").args(["netns", "del", &name]));
    assert_eq!(inside.trim(), format!("net:[{}]", inode.unwrap()));
}

#[test]
fn ip_lists_what_was_made() {
    if !needs(&CABLE) || !program("ip") {
        return;
    }
    let router = Router::new();
    let (running, _pid) = sleeping(&router, &[]);
    let text = said(&mut router.tool("ip", &["-j", "-d", "addr"]));
    let links: serde_json::Value = serde_json::from_str(&text).unwrap();
    let name = format!("bxw{}", running.pid());
    let ours = links.as_array().unwrap().iter().find(|link| link["ifname"] == name.as_str());
    let ours = ours.unwrap_or_else(|| panic!("{text}"));
    assert_eq!(ours["linkinfo"]["info_kind"], "veth");
    assert_eq!(ours["addr_info"][0]["prefixlen"], 30);
    assert_eq!(ours["operstate"], "UP");
}

#[test]
fn names_are_written_for_the_box() {
    if !needs(&CABLE) {
        return;
    }
    let router = Router::new();
    let flags = [
        "--hostname",
        "web",
        "--add-host",
        "db:10.0.0.9",
        "--dns",
        "192.0.2.53",
        "--dns",
        "fd00::53",
    ];
    let text =
        printed(&router, &flags, &["cat", "/etc/hosts", "/etc/resolv.conf", "/etc/hostname"]);
    for line in [
        "127.0.0.1\tlocalhost",
        "10.78.0.2\tweb",
        "10.0.0.9\tdb",
        "nameserver 192.0.2.53",
        "nameserver fd00::53",
        "web",
    ] {
        assert!(text.lines().any(|has| has == line), "no {line:?} in {text}");
    }
}

#[test]
fn a_setting_is_the_boxs_and_not_the_hosts() {
    if !needs(&CABLE) {
        return;
    }
    let router = Router::new();
    let before = printed_sysctl(&router, "net.ipv4.ip_default_ttl");
    let flags = ["--sysctl", "net.ipv4.ip_default_ttl=42"];
    let text = printed(&router, &flags, &["cat", "/proc/sys/net/ipv4/ip_default_ttl"]);
    assert_eq!(text.trim(), "42");
    assert_eq!(printed_sysctl(&router, "net.ipv4.ip_default_ttl"), before);
}
