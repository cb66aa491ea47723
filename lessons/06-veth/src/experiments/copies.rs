//! What a new network namespace starts with.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, muted, step};
use ground::text::name;

use crate::stage::Node;

pub const EXPERIMENT: Experiment = Experiment {
    name: "copies",
    title: "a new namespace copies some parameters, from the initial one; others begin anew",
    level: Level::Deep,
    claims: &["C155"],
    needs: &[Need::Admin, Need::Clone3, Need::NetworkNamespaces, Need::Disposable],
    run,
};

const CONTROL: &str = "net.ipv4.tcp_congestion_control";
const KEEPALIVE: &str = "net.ipv4.tcp_keepalive_time";
const RMEM: &str = "net.ipv4.tcp_rmem";
const TTL: &str = "net.ipv4.ip_default_ttl";

/// A parameter of the host's, and what it was.
struct Changed<'a> {
    host: &'a Node,
    name: &'static str,
    before: String,
}

impl<'a> Changed<'a> {
    fn to(host: &'a Node, name: &'static str, value: &str) -> Result<Changed<'a>> {
        let before = host.sysctl(name)?;
        host.set_sysctl(name, value)?;
        Ok(Changed { host, name, before })
    }
}

impl Drop for Changed<'_> {
    fn drop(&mut self) {
        // The machine is thrown away; where this fails, nobody misses it.
        let _ = muted(|| self.host.set_sysctl(self.name, &self.before));
    }
}

fn told(node: &Node, parameter: &str) -> Result<String> {
    let value = node.sysctl(parameter)?;
    let words = if parameter == CONTROL { name(&value).to_string() } else { value.clone() };
    node.tell(format!("{parameter} in {}", node.name), words);
    Ok(value)
}

fn run(findings: &mut Findings) -> Result<()> {
    step("On this machine, which is thrown away: four parameters of the initial network namespace");
    let host = Node::current("host")?;
    let usual = host.sysctl(CONTROL)?;
    let _control = Changed::to(&host, CONTROL, "reno")?;
    let _keepalive = Changed::to(&host, KEEPALIVE, "1111")?;
    let _rmem = Changed::to(&host, RMEM, "4096 130000 6000000")?;
    let _ttl = Changed::to(&host, TTL, "99")?;

    step("A new network namespace");
    let first = muted(|| Node::new("box"))?;
    let copied = told(&first, CONTROL)? == "reno" && told(&first, RMEM)? == "4096 130000 6000000";
    let anew = told(&first, KEEPALIVE)? == "7200" && told(&first, TTL)? == "64";
    if copied && anew {
        conclude("the first two were copied, the other two are what they are after a boot");
    }

    step("Change one of the copied in there, and make a namespace from within");
    first.set_sysctl(CONTROL, &usual)?;
    let second = muted(|| first.within(|| Node::new("other")))?;
    let from_init = told(&second, CONTROL)? == "reno" && usual != "reno";
    if from_init {
        conclude("copied from the initial namespace, not from the one of its maker");
    }
    findings.because("copied from the initial network namespace, not from the creating one");
    findings.holds("C155", copied && anew && from_init);
    Ok(())
}
