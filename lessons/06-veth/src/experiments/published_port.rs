//! A port of the host that leads to a box: from outside, and from the host itself.

use clone_pid::beyond::Report;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::story::{conclude, muted, step};
use veth::beyond::nft::{Hook, Rule, add_rule, commit};

use crate::stage::{INSIDE, Node, WITH_RULES, World, rules};

pub const EXPERIMENT: Experiment = Experiment {
    name: "published-port",
    title: "a published port is a new destination; on 127.0.0.1 it takes three things more",
    level: Level::Deep,
    claims: &["C214"],
    needs: WITH_RULES,
    run,
};

/// What a client is answered: the address from which the server saw it come, or the errno of its connect. Told.
pub fn ask(node: &Node, at: &str) -> Result<String> {
    let text = node.run(&format!("tcp-ask {at}"))?.text;
    let answer = Report::parse(&text).get("answer").map(str::to_string);
    let line = text.lines().find(|line| line.starts_with("call connect")).unwrap_or_default();
    let answer = match answer {
        Ok(address) => format!("the server sees {address}"),
        Err(_) => line.rsplit(' ').next().unwrap_or("no answer").to_string(),
    };
    node.tell(format!("{}: connect to {at}", node.name), &answer);
    Ok(answer)
}

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "A server at port 80 of a box, and a rule where packets come in: for port 8080 of the host the destination is the box",
    );
    let world = World::with_outside()?;
    muted(|| world.forward(true))?;
    let _server = world.inside.serve("tcp-serve 10.77.0.2:80 9")?;
    rules::publish(&world.host, Hook::Prerouting, 8080, (INSIDE, 80))?;
    let outside = ask(&world.outside, "203.0.113.1:8080")?;
    let itself = ask(&world.host, "127.0.0.1:8080")?;
    let from_outside = outside == "the server sees 203.0.113.2" && itself == "ECONNREFUSED";
    if from_outside {
        conclude(
            "from outside it works, and the server sees the real client. What the host itself sends does not come in, and nobody listens at 8080",
        );
    }

    step("The same rule where packets go out");
    rules::publish(&world.host, Hook::Output, 8080, (INSIDE, 80))?;
    let first = ask(&world.host, "127.0.0.1:8080")?;
    step("Leave for a packet from 127.0.0.1 to go out by the bridge");
    world.host.set_sysctl("net.ipv4.conf.br0.route_localnet", "1")?;
    let second = ask(&world.host, "127.0.0.1:8080")?;
    step(
        "And an address that the box can answer: masquerade, for what was given a new destination",
    );
    let rule = Rule::new().was_redirected().to_link("br0").masquerade();
    muted(|| rules::masquerade(&world.host))?;
    world.host.within(|| commit([add_rule(rules::TABLE, "postrouting", rule)]))?;
    let third = ask(&world.host, "127.0.0.1:8080")?;
    let refused = !first.contains("sees") && !second.contains("sees");
    let local = third == "the server sees 10.77.0.1";
    if refused && local {
        conclude(
            "all three are needed. The permission is for one bridge: whoever is behind it could use it, too, and reach what listens on 127.0.0.1",
        );
    }
    findings.holds("C214", from_outside && refused && local);
    Ok(())
}
