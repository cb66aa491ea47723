//! What decides: the number 0, or a bit.

use caps::{CapSet, Capability, Privileges};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, step};

use crate::stage::{connected, tell};

pub const EXPERIMENT: Experiment = Experiment {
    name: "root-without",
    title: "root without the capability is refused, another user with it is not",
    level: Level::Deep,
    claims: &["C170"],
    needs: &[Need::Admin, Need::Clone3, Need::NetworkNamespaces, Need::OtherUsers],
    run: look,
};

fn look(findings: &mut Findings) -> Result<()> {
    let raw: Capability = "NET_RAW".parse()?;
    step("Root opens a raw socket, with the usual capabilities, and without CAP_NET_RAW");
    let able =
        tell(&connected("power NET_RAW", Privileges::keep(CapSet::DEFAULT))?, "power", "root")?;
    let less = Privileges::keep(CapSet::DEFAULT.without(raw));
    let unable = tell(&connected("power NET_RAW", less)?, "power", "root without it")?;
    step("User 1000, without and with it");
    let set = CapSet::NONE.with(raw);
    let user = || Ok::<_, ground::Error>(Privileges::keep(set).user("1000".parse()?));
    let refused = tell(&connected("power NET_RAW", user()?)?, "power", "user 1000")?;
    let allowed =
        tell(&connected("power NET_RAW", user()?.ambient(set))?, "power", "user 1000 with it")?;
    let (ok, eperm) = ("NET_RAW ok", "NET_RAW EPERM");
    let so_far = able == ok && refused == eperm;
    let limit = unable == eperm && allowed == ok;
    if so_far && limit {
        conclude("the kernel asked for the capability and not for the user");
    }
    findings.because("capabilities decide, not the user ID");
    findings.partly("C170", so_far, limit);
    Ok(())
}
