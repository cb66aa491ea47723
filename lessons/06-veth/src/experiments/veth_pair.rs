//! A pair is made, and one end is moved.

use std::os::fd::AsFd;

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use veth::netlink::link::{self, End, Namespace};

use crate::stage::{Node, tell_link};

pub const EXPERIMENT: Experiment = Experiment {
    name: "veth-pair",
    title: "a veth pair is two interfaces; each is in one namespace at a time",
    level: Level::Core,
    claims: &["C150"],
    needs: &[Need::Admin, Need::NetworkNamespaces, Need::Veth],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    let (host, inside) = muted(|| Ok::<_, ground::Error>((Node::new("host")?, Node::new("box")?)))?;
    step("A pair, made in one request. This is a namespace that plays the host");
    host.perform(link::add_veth(&End::new("v0"), &End::new("v1"), None))?;
    let (near, far) = (tell_link(&host, "v0")?, tell_link(&host, "v1")?);
    let born = !near.is_up()
        && !far.is_up()
        && near.peer == Some(far.index)
        && far.peer == Some(near.index);
    if born {
        conclude("both are here, both are off, and each names the other by its number");
    }

    step("Move one of them into a box");
    host.perform(link::set_namespace("v1", Namespace::Open(inside.handle().as_fd())))?;
    let gone = host.links()?.iter().all(|link| link.name != "v1");
    evidence("RTM_GETLINK in host, v1", if gone { "not there" } else { "still there" });
    let near = tell_link(&host, "v0")?;
    let moved = tell_link(&inside, "v1")?;
    let tied = near.peer == Some(moved.index) && moved.peer == Some(near.index);
    let elsewhere = near.peer_namespace.is_some() && moved.peer_namespace.is_some();
    if gone && tied && elsewhere {
        conclude(
            "still a pair: each names the other's number, and now also the namespace in which that number counts",
        );
    }
    findings.holds("C150", born && gone && tied && elsewhere);
    Ok(())
}
