//! What a new network namespace has.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, step};
use ground::text::count;

use crate::stage::{Node, is_fallback, tell_links};

pub const EXPERIMENT: Experiment = Experiment {
    name: "new-namespace",
    title: "a new network namespace has lo, switched off, and nothing else",
    level: Level::Core,
    claims: &["C143"],
    needs: &[Need::Admin, Need::NetworkNamespaces],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "A network namespace that nobody has touched. Ask the kernel for its links, addresses and routes",
    );
    let node = Node::new("box")?;
    let links = tell_links(&node)?;
    let (addresses, routes) = (node.addresses()?.len(), node.routes()?.len());
    evidence("RTM_GETADDR in box, addresses", addresses);
    evidence("RTM_GETROUTE in box, routes", routes);

    step("The interfaces of the namespace from which it was made");
    let outside = Node::current("host")?.links()?;
    evidence("RTM_GETLINK in host, links", count(outside.len()));
    // Where a driver of tunnels is loaded, each new namespace gets one of its devices: net.core.fb_tunnels_only_for_init_net.
    let mut own = links.iter().filter(|link| !is_fallback(link));
    let alone =
        own.next().is_some_and(|link| link.name == "lo" && !link.is_up()) && own.next().is_none();
    let bare = addresses == 0 && routes == 0;
    if alone && bare {
        conclude("lo is there, and off. No address, no route, and of the host's interfaces none");
    }
    findings.holds("C143", alone && bare);
    Ok(())
}
