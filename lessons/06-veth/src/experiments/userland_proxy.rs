//! A program that copies bytes, against a rule that changes addresses.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::story::{conclude, muted, step};
use veth::beyond::nft::Hook;

use super::published_port::ask;
use crate::stage::{INSIDE, WITH_RULES, World, rules};

pub const EXPERIMENT: Experiment = Experiment {
    name: "userland-proxy",
    title: "docker-proxy copies bytes in user space; DNAT changes addresses in the kernel",
    level: Level::Deep,
    claims: &["C165"],
    needs: WITH_RULES,
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "A server in a box, and on the host a program that takes connections at port 8080 and makes one to the box for each",
    );
    let world = World::with_outside()?;
    muted(|| world.forward(true))?;
    let _server = world.inside.serve("tcp-serve 10.77.0.2:80 9")?;
    let proxy = world.host.serve("tcp-relay 0.0.0.0:8080 10.77.0.2:80")?;
    let outside = ask(&world.outside, "203.0.113.1:8080")?;
    let local = ask(&world.host, "127.0.0.1:8080")?;
    let proxied = outside == "the server sees 10.77.0.1" && local == outside;
    if proxied {
        conclude("works from everywhere, and for the server everybody is the host");
    }

    step("The same port by a rule, while the program runs");
    rules::publish(&world.host, Hook::Prerouting, 8080, (INSIDE, 80))?;
    let ruled = ask(&world.outside, "203.0.113.1:8080")?;
    let still = ask(&world.host, "127.0.0.1:8080")?;
    step("End the program");
    muted(|| proxy.kill())?;
    let without = ask(&world.outside, "203.0.113.1:8080")?;
    let nobody = ask(&world.host, "127.0.0.1:8080")?;
    let by_rule = ruled == "the server sees 203.0.113.2" && without == ruled;
    if by_rule && still == local && nobody == "ECONNREFUSED" {
        conclude(
            "with a rule there, the program is only for what the rule does not see: the host itself. This is why it can be turned off",
        );
    }
    findings.because(
        "for what comes from outside the rule comes first; the proxy serves the host itself",
    );
    findings.holds("C165", proxied && by_rule && nobody == "ECONNREFUSED");
    Ok(())
}
