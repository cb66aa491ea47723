//! The picture for the terminal.

use std::fmt::Write;

use super::{Line, Peer, Stack};

/// Draws all namespaces, one below the other; a cable is a double line.
pub fn draw(all: &[Stack]) -> String {
    let mut out = String::new();
    for stack in all {
        // A String takes every write.
        let _ = writeln!(out, "{} · network namespace {}", stack.name, stack.inode);
        branches(&mut out, "", &entries(stack, all));
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// One line, and what hangs below it.
struct Entry {
    text: String,
    below: Vec<Entry>,
}

impl Entry {
    fn leaf(text: String) -> Entry {
        Entry { text, below: Vec::new() }
    }
}

fn entries(stack: &Stack, all: &[Stack]) -> Vec<Entry> {
    let top = stack.links.iter().filter(|line| line.bridge.is_none());
    let mut entries: Vec<Entry> = top
        .map(|line| Entry {
            text: link(line, stack, all),
            below: stack
                .links
                .iter()
                .filter(|port| port.bridge.as_deref() == Some(&line.name))
                .map(|port| Entry::leaf(link(port, stack, all)))
                .collect(),
        })
        .collect();
    let list = |text: &str, lines: Vec<String>| Entry {
        text: text.into(),
        below: lines.into_iter().map(Entry::leaf).collect(),
    };
    // Every link has one to its own neighbours.
    let routes = stack.routes.iter().filter(|route| !route.starts_with("fe80:"));
    let routes: Vec<String> = routes.cloned().collect();
    if !routes.is_empty() {
        entries.push(list("routes", routes));
    }
    let ports = stack.published.iter().map(|port| {
        format!(
            "{} {} → {}",
            port.protocol,
            port.port,
            std::net::SocketAddr::new(port.address, port.to)
        )
    });
    if !stack.published.is_empty() {
        entries.push(list("published", ports.collect()));
    }
    entries
}

fn branches(out: &mut String, indent: &str, entries: &[Entry]) {
    for (at, entry) in entries.iter().enumerate() {
        let last = at + 1 == entries.len();
        let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let _ = writeln!(out, "{indent}{branch}{}", entry.text);
        branches(out, &format!("{indent}{below}"), &entry.below);
    }
}

fn link(line: &Line, stack: &Stack, all: &[Stack]) -> String {
    let state = if line.up { "up" } else { "down" };
    let mut words = vec![format!("{:9} {state:4}", line.name)];
    words.extend(line.kind.iter().filter(|kind| *kind != "veth").cloned());
    words.extend(line.addresses.iter().filter(|address| !address.starts_with("fe80:")).cloned());
    if line.mtu != 1500 && line.name != "lo" {
        words.push(format!("MTU {}", line.mtu));
    }
    words.extend(line.peer.as_ref().map(|peer| cable(line, peer, stack, all)));
    words.join("  ").trim_end().to_string()
}

fn cable(line: &Line, peer: &Peer, stack: &Stack, all: &[Stack]) -> String {
    let name = peer.name.clone().unwrap_or_else(|| format!("link {}", peer.index));
    let sign = if line.kind.as_deref() == Some("veth") { "═══" } else { "on" };
    match peer.namespace.and_then(|inode| all.iter().find(|other| other.inode == inode)) {
        Some(other) if other.inode != stack.inode => format!("{sign} {name} of {}", other.name),
        None if peer.name.is_none() => format!("{sign} {name} of a namespace that was not asked"),
        _ => format!("{sign} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, bridge: Option<&str>) -> Line {
        Line {
            index: 2,
            name: name.into(),
            kind: None,
            up: true,
            mtu: 1500,
            addresses: vec!["10.0.0.1/24".into()],
            bridge: bridge.map(str::to_string),
            peer: None,
        }
    }

    #[test]
    fn ports_hang_below_their_bridge() {
        let links = vec![line("br", None), line("port", Some("br"))];
        let stack = Stack {
            inode: 1,
            name: "here".into(),
            links,
            routes: vec!["default dev br".into()],
            published: Vec::new(),
        };
        let expected = "here · network namespace 1\n\
                        ├─ br        up    10.0.0.1/24\n\
                        │  └─ port      up    10.0.0.1/24\n\
                        └─ routes\n   └─ default dev br\n";
        assert_eq!(draw(&[stack]), expected);
    }
}
