//! The verbs of lesson 06: a network to mend by hand, and the picture of what there is.

use ground::host::network::shared_name;
use ground::needs::Need;
use tests::router::Router;
use tests::{Background, eventually, lesson, needs, program, said};

const L06: &str = "06-veth";
const WORLD: [Need; 5] = [Need::Admin, Need::Clone3, Need::Veth, Need::Bridge, Need::Nftables];

/// Gives the shell of `broken FAULT` these lines; its exit status, and what was told.
fn mended(fault: &str, lines: &str) -> (i32, String) {
    let output =
        lesson(L06).args(["--plain", "broken", fault]).write_stdin(lines).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn what_is_not_mended_is_named() {
    if !needs(&WORLD) {
        return;
    }
    let faults = [
        ("route", "no default route"),
        ("forwarding", "does not forward"),
        ("filter", "at the host's forward hook drops"),
        ("masquerade", "goes out untranslated"),
    ];
    for (fault, sentence) in faults {
        let (status, told) = mended(fault, "true\n");
        assert_eq!(status, 1, "{fault}: {told}");
        let found = faults.iter().filter(|(_, sentence)| told.contains(sentence));
        assert_eq!(found.collect::<Vec<_>>(), [&(fault, sentence)], "{told}");
    }
}

#[test]
fn what_is_mended_by_hand_is_seen_to_work() {
    if !needs(&WORLD) {
        return;
    }
    // A shell's own means: the parameters are those of the namespace in which it is.
    let (status, told) = mended("forwarding", "echo 1 > /proc/sys/net/ipv4/ip_forward\n");
    assert_eq!((status, told.contains("mended")), (0, true), "{told}");
}

#[test]
fn the_host_keeps_its_own_parameters_meanwhile() {
    if !needs(&WORLD) {
        return;
    }
    let forwards = || std::fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap();
    let before = forwards();
    mended("forwarding", "echo 0 > /proc/sys/net/ipv4/ip_forward\n");
    assert_eq!(forwards(), before);
}

#[test]
fn a_cable_is_drawn_from_end_to_end() {
    if !needs(&[Need::Admin, Need::Clone3, Need::Veth]) {
        return;
    }
    let router = Router::new();
    let args = ["run", "--no-card", "--network", "veth", "probe", "sleep", "60"];
    let running = Background::of(&mut router.command(L06, &args));
    let host = eventually("the cable is there", || router.links().pop());
    let far = format!("═══ {host} of here");
    eventually("the cable is drawn from the box", || {
        said(&mut router.command(L06, &["topology"])).contains(&far).then_some(())
    });
    let json = said(&mut router.command(L06, &["topology", "--json"]));
    let stacks = json.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let ends: Vec<_> =
        stacks.flat_map(|stack| stack["links"].as_array().unwrap().clone()).collect();
    assert!(ends.iter().any(|link| link["name"] == "eth0" && link["peer"]["name"] == host[..]));
    drop(running);
}

#[test]
fn a_process_that_is_not_there_has_no_topology() {
    if !needs(&[Need::Admin]) {
        return;
    }
    let output = lesson(L06).args(["topology", "2147483647"]).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), complaint.lines().count()), (Some(1), 1), "{complaint}");
    assert!(complaint.contains("no such process"), "{complaint}");
}

#[test]
fn without_privilege_ones_own_network_is_drawn() {
    if !needs(&[Need::InitialRoot]) {
        return;
    }
    let text = said(&mut tests::as_nobody(L06, &["topology"]));
    assert!(text.starts_with("here · network namespace ") && text.contains("─ lo "), "{text}");
}

#[test]
fn doctor_names_the_chain_that_stands_in_the_way() {
    if !needs(&WORLD) || !program("nft") {
        return;
    }
    let router = Router::new();
    let doctor = || {
        let output = router.command("00-ground", &["doctor"]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(!doctor().contains("drops what it does not accept"));
    // As Docker's chain, and as firewalld's.
    let ruleset = "add table ip docker; \
        add chain ip docker FORWARD { type filter hook forward priority 0; policy drop; }; \
        add table inet firewalld; \
        add chain inet firewalld filter_FORWARD { type filter hook forward priority 10; }; \
        add rule inet firewalld filter_FORWARD ct state established,related accept; \
        add rule inet firewalld filter_FORWARD reject with icmpx admin-prohibited";
    said(&mut router.tool("nft", &[ruleset]));
    let told = doctor().split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "chain ip docker FORWARD drops".to_string(),
        format!("nft insert rule ip docker FORWARD iifname \"{}\" accept", shared_name()),
        "chain inet firewalld filter_FORWARD drops".into(),
        format!("firewall-cmd --zone=trusted --add-interface={}", shared_name()),
    ] {
        assert!(told.contains(&words), "no {words} in {told}");
    }
}
