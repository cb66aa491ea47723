//! Where `ip netns` looks.

use std::collections::HashMap;

use clone_pid::{Container, Part, PidNamespace};
use ground::Result;
use ground::call::doing;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, muted, step};
use mount_ns::{MountNamespace, Proc};
use nix::mount::{MsFlags, mount};

pub const EXPERIMENT: Experiment = Experiment {
    name: "ip-netns",
    title: "ip netns knows names in /run/netns, and no numbers of processes",
    level: Level::Deep,
    claims: &["C146", "C149"],
    needs: &[Need::Admin, Need::Clone3, Need::NetworkNamespaces, Need::Iproute2],
    run,
};

/// An empty /run in a mount namespace of the box's own: no name that the host has, and none left on it.
struct EmptyRun;

impl Part for EmptyRun {
    fn enter(&mut self) -> Result<()> {
        let (tmpfs, nothing) = (Some("tmpfs"), None::<&str>);
        doing("mount tmpfs on /run")
            .like("mount -t tmpfs tmpfs /run")
            .run(|| mount(tmpfs, "/run", tmpfs, MsFlags::empty(), nothing))
    }
}

/// What the shell is asked to do. Each `say KEY COMMAND` becomes a line: its status, and what it printed.
const SCRIPT: &str = r#"
PATH=$PATH:/usr/sbin:/sbin
say() { key=$1; shift; out=$("$@" 2>&1); status=$?; echo "$key $status" $out; }
mkdir -p /run/netns
unshare --net sleep 60 & sleep 0.3
say unnamed ip netns list
ip netns add named
say named ip netns list
say by-name ip netns exec named true
say by-number ip netns exec $! true
ip netns attach attached $!
say attached ip netns list
say by-attached ip netns exec attached true
touch /run/netns/stale
say stale ip netns list
kill $!
"#;

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "In a mount namespace of its own with an empty /run: a namespace made by unshare, one made by ip netns add, and ip's opinion",
    );
    let container = Container::new(&["sh", "-c", SCRIPT])?
        .capture()?
        .with(PidNamespace)
        .with(MountNamespace::private())
        .with(Proc)
        .with(EmptyRun);
    let text = muted(|| container.start()?.output())?.text;
    let lines: HashMap<&str, &str> = text.lines().filter_map(|line| line.split_once(' ')).collect();
    let told = |key: &str, what: &str| {
        let answer = lines.get(key).copied().unwrap_or("no answer");
        let (status, words) = answer.split_once(' ').unwrap_or((answer, ""));
        let words = if words.is_empty() { "nothing" } else { words };
        box_evidence(what, format!("status {status}, {}", without_numbers(words)));
        (status.to_string(), words.to_string())
    };
    let unnamed = told("unnamed", "ip netns list, after unshare --net");
    let named = told("named", "ip netns list, after ip netns add named");
    let by_name = told("by-name", "ip netns exec named true");
    let by_number = told("by-number", "ip netns exec PID true");
    let attached = told("attached", "ip netns list, after ip netns attach attached PID");
    let by_attached = told("by-attached", "ip netns exec attached true");
    let stale = told("stale", "ip netns list, after touch /run/netns/stale");
    let looks_there = unnamed.1 == "nothing" && named.1.contains("named");
    let complains = stale.1.contains("invalid");
    if looks_there && complains {
        conclude(
            "a name is a file in /run/netns with a namespace mounted on it. ip believes every file there, and looks nowhere else",
        );
    }
    let by_names_only = by_name.0 == "0" && by_number.0 != "0";
    if by_names_only && attached.1.contains("attached") && by_attached.0 == "0" {
        conclude(
            "a process has a number and no name: give it one with ip netns attach, or enter with nsenter --target PID --net",
        );
    }
    findings.because("ip netns exec takes a name; nsenter --target PID --net takes a number");
    findings.holds("C146", looks_there && complains);
    findings.holds("C149", by_number.0 == "0");
    Ok(())
}

/// The number of a process in an error message varies.
fn without_numbers(words: &str) -> String {
    let shown = |word: &str| match word.trim_matches(|c| c == '"' || c == ':').parse::<u32>() {
        Ok(_) => "PID".to_string(),
        Err(_) => word.to_string(),
    };
    words.split(' ').map(shown).collect::<Vec<_>>().join(" ")
}
