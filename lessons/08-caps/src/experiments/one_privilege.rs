//! One capability is one privilege.

use caps::{CapSet, Capability, Privileges};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, step};

use crate::stage::{connected, tell};

pub const EXPERIMENT: Experiment = Experiment {
    name: "one-privilege",
    title: "one capability is one privilege, for whoever has it",
    level: Level::Core,
    claims: &["C173"],
    needs: &[Need::Admin, Need::Clone3, Need::NetworkNamespaces, Need::OtherUsers],
    run: look,
};

fn look(findings: &mut Findings) -> Result<()> {
    let mut all = true;
    for (capability, name, does) in [
        (Capability::NET_BIND_SERVICE, "NET_BIND_SERVICE", "bind port 1"),
        (Capability::NET_ADMIN, "NET_ADMIN", "set the flags of a network interface"),
    ] {
        step(format_args!(
            "User 1000 wants to {does}: without CAP_{name}, and with nothing but that"
        ));
        let script = format!("power {name}");
        let set = CapSet::NONE.with(capability);
        let without = Privileges::keep(set).user("1000".parse()?);
        let with = Privileges::keep(set).user("1000".parse()?).ambient(set);
        let refused = tell(&connected(&script, without)?, "power", "without it")?;
        let allowed = tell(&connected(&script, with)?, "power", "with it")?;
        all &= allowed == format!("{name} ok") && refused != allowed;
    }
    if all {
        conclude("no root was needed, and nothing else was given");
    }
    findings.holds("C173", all);
    Ok(())
}
