//! The older packet filter, which nf_tables does not show: `ip_tables`, in which `iptables-legacy` still keeps its rules.
//! A packet has to pass both.

use std::fs;
use std::process::Command;

use super::{Finding, Group, Status};
use crate::host::network::shared_name;

/// The namespace's tables, for IPv4 and for IPv6, and the program that reads and changes them.
const KINDS: [(&str, &str); 2] = [
    ("/proc/net/ip_tables_names", "iptables-legacy"),
    ("/proc/net/ip6_tables_names", "ip6tables-legacy"),
];

/// Those of these tables that keep a bridge's packets from being passed on. Nothing is loaded by looking: a table that
/// nobody has made is not read.
pub(super) fn findings() -> Vec<Finding> {
    let has_filter = |names: &str| {
        fs::read_to_string(names).is_ok_and(|text| text.lines().any(|name| name == "filter"))
    };
    let kinds = KINDS.iter().filter(|(names, _)| has_filter(names));
    kinds.filter_map(|(_, program)| finding(program, saved(program).as_deref())).collect()
}

fn saved(program: &str) -> Option<String> {
    let output = Command::new(format!("{program}-save")).args(["-t", "filter"]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn finding(program: &str, saved: Option<&str>) -> Option<Finding> {
    let of = |status, what: String| Finding::new(Group::Network, "forward-drop", status, what);
    let Some(saved) = saved else {
        let what = format!("this kernel has a filter table of {program}, which cannot be read");
        let remedy = format!("install iptables, and read it: sudo {program}-save -t filter");
        return Some(of(Status::Info, what).affects(&[6]).remedy(remedy));
    };
    if !saved.lines().any(drops) {
        return None;
    }
    let (bridge, what) = (
        shared_name(),
        format!(
            "chain FORWARD of {program} drops what it does not accept: boxes on a bridge reach nobody"
        ),
    );
    let rule = |side: &str| format!("sudo {program} -I FORWARD {side} {bridge} -j ACCEPT");
    Some(of(Status::Limited, what).affects(&[6]).remedy(format!("{}; {}", rule("-i"), rule("-o"))))
}

/// The chain's policy, or a rule without a condition.
fn drops(line: &str) -> bool {
    line.starts_with(":FORWARD DROP")
        || line.strip_prefix("-A FORWARD -j ").is_some_and(|target| {
            ["DROP", "REJECT"].contains(&target.split(' ').next().unwrap_or_default())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_or_a_last_rule_drops() {
        let of = |text: &str| finding("iptables-legacy", Some(text));
        assert_eq!(
            of(":INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n-A FORWARD -s 1.2.3.4 -j DROP\n"),
            None
        );
        for text in
            [":FORWARD DROP [0:0]", "-A FORWARD -j REJECT --reject-with icmp-port-unreachable"]
        {
            let remedy = of(text).unwrap().remedy.unwrap();
            assert!(remedy.starts_with("sudo iptables-legacy -I FORWARD -i bxw-"), "{remedy}");
        }
        assert!(finding("iptables-legacy", None).unwrap().what.contains("cannot be read"));
    }
}
