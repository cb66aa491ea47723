//! What a network namespace separates.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use veth::beyond::nft;
use veth::netlink::{Netlink, link};

use crate::stage::{Node, rules};

pub const EXPERIMENT: Experiment = Experiment {
    name: "own-stack",
    title: "ports, routes and rules are those of a namespace; a socket stays where it was made",
    level: Level::Deep,
    claims: &["C141"],
    needs: &[Need::Admin, Need::Clone3, Need::NetworkNamespaces, Need::Bridge, Need::Nftables],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    let (host, inside) = muted(|| {
        let nodes = (Node::new("host")?, Node::new("box")?);
        nodes.0.perform(link::set_loopback_up())?;
        nodes.1.perform(link::set_loopback_up())?;
        Ok::<_, ground::Error>(nodes)
    })?;
    step(
        "A server at port 8080 of one namespace. A second one there, and one in another namespace",
    );
    let server = host.serve("tcp-serve 127.0.0.1:8080")?;
    let taken = bind_errno(&host)?;
    let other = muted(|| inside.serve("tcp-serve 127.0.0.1:8080"));
    evidence("bind 127.0.0.1:8080 again in host", &taken);
    inside.tell("bind 127.0.0.1:8080 in box", if other.is_ok() { "ok" } else { "refused" });
    let ports = taken.contains("EADDRINUSE") && other.is_ok();
    drop((server, other));

    step("A table of rules, and a route, made in the box");
    rules::drop_at(&inside, "only-here", nft::Hook::Forward)?;
    inside.perform(link::add("mark", link::Kind::Bridge, link::Namespace::Here))?;
    inside.address("mark", "192.0.2.1/24")?;
    inside.up("mark")?;
    let tables = |node: &Node| Ok::<_, ground::Error>(node.within(nft::tables)?.len());
    let routes = |node: &Node| Ok::<_, ground::Error>(node.routes()?.len());
    let (rules_inside, rules_outside) = (tables(&inside)?, tables(&host)?);
    inside.tell("NFT_MSG_GETTABLE in box, tables", rules_inside);
    evidence("NFT_MSG_GETTABLE in host, tables", rules_outside);
    let has_route = inside.routes()?.iter().any(|route| route.family == libc::AF_INET as u8);
    let stack = rules_inside == 1 && rules_outside == 0 && has_route && routes(&host)? == 0;

    step(
        "A netlink socket, made in the box. The process that has it is back here, and asks it for links",
    );
    let mut socket = inside.within(Netlink::route)?;
    let answers = socket.links()?.iter().any(|link| link.name == "mark");
    evidence("RTM_GETLINK over that socket, mark", if answers { "there" } else { "not there" });
    if ports && stack && answers {
        conclude(
            "two complete stacks in one kernel, and it is the socket that says which of them is meant",
        );
    }
    findings.holds("C141", ports && stack && answers);
    Ok(())
}

/// What a second server at the same port is told.
fn bind_errno(node: &Node) -> Result<String> {
    let text = node.run("tcp-serve 127.0.0.1:8080")?.text;
    let line = text.lines().find(|line| line.starts_with("call bind")).unwrap_or_default();
    Ok(line.rsplit(' ').next().unwrap_or_default().to_string())
}
