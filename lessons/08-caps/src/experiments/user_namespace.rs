//! Root in there, nobody out here.

use caps::UserNamespace;
use caps::maps::Maps;
use clone_pid::UtsNamespace;
use clone_pid::beyond::{Report, probing};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use ground::text::caps as marked;

use crate::attack::errno;
use crate::shared::{Owner, owner, place, script};

pub const EXPERIMENT: Experiment = Experiment {
    name: "user-namespace",
    title: "root in a user namespace is an ordinary user of the host",
    level: Level::Core,
    claims: &["C180"],
    needs: &[Need::InitialRoot, Need::Clone3],
    run,
};

fn mapped() -> Result<UserNamespace> {
    UserNamespace::mapped(Maps::from_zero(100_000, 1000))
}

fn run(findings: &mut Findings) -> Result<()> {
    let place = place()?;
    step("A box whose users 0 to 999 are 100000 to 100999 of the host");
    let made = format!("report; write {place}/made hello; stat {place}/made");
    let created = probing(&made)?.with(mapped()?).create()?;
    let process = created.child().process();
    let (status, map) = (process.status()?, process.read("uid_map")?);
    evidence(process.file("uid_map"), map.split_whitespace().collect::<Vec<_>>().join(" "));
    evidence(process.file("status, effective user"), status.uid[1]);
    let held = status.capabilities.effective.count_ones();
    evidence(process.file("status, CapEff"), format!("{} capabilities", marked(held)));
    let inside = Report::parse(&muted(|| created.start()?.output())?.text);
    box_evidence("getuid", inside.get("uid")?);

    step("It writes a file; who owns it?");
    let seen = inside.get("owner")?.to_string();
    box_evidence("owner of the file", &seen);
    let outside = owner(&format!("{place}/made"))?;
    evidence("owner of the file", outside);

    step("And a file of the host's root?");
    let of_root = script(&format!("stat {place}/of-root; first-line {place}/of-root"), mapped()?)?;
    let nobody = Report::parse(&of_root).get("owner")?.to_string();
    box_evidence("owner", &nobody);
    box_evidence("open", errno(&of_root).unwrap_or("works"));

    step("What does its power reach? Its own namespaces, and nothing else");
    let host = script("hostname changed", mapped()?)?;
    box_evidence("sethostname", errno(&host).unwrap_or("works"));
    let uts = UtsNamespace { hostname: None };
    let own =
        muted(|| probing("hostname changed")?.with(mapped()?).with(uts).start()?.output())?.text;
    box_evidence("sethostname in a UTS namespace of its own", errno(&own).unwrap_or("works"));
    let other_user =
        status.uid[1] == 100_000 && seen == "0:0" && outside == Owner(100_000, 100_000);
    let powerless = nobody == "65534:65534"
        && errno(&of_root) == Some("EACCES")
        && errno(&host) == Some("EPERM");
    if other_user && powerless && errno(&own).is_none() {
        conclude("the same process is 0 and 100000: the map says which, and who asks");
    }
    findings.holds("C180", other_user && powerless);
    Ok(())
}
