//! Other owners, the same files.

use std::fs;

use caps::UserNamespace;
use caps::beyond::idmap::MappedVolumes;
use caps::maps::Maps;
use clone_pid::beyond::{Report, probing};
use ground::Result;
use ground::call::quietly;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use mount_ns::{MountNamespace, VolumeSpec};

use crate::attack::errno;
use crate::shared::{Owner, owner, place};

pub const EXPERIMENT: Experiment = Experiment {
    name: "idmapped-volume",
    title: "an idmapped volume belongs to the box's root, and on the disk still to the host's",
    level: Level::Deep,
    claims: &["C236"],
    needs: &[Need::InitialRoot, Need::Clone3, Need::MountSetattr],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    let lent = format!("{}/lent", place()?);
    quietly("make a directory").run(|| fs::create_dir_all(&lent))?;
    step("A directory of root's is lent to a box whose root is 100000");
    let plain = lend(&lent, false)?;
    let seen = Report::parse(&plain).get("owner")?.to_string();
    box_evidence("owner of the directory", &seen);
    box_evidence("to write in it", errno(&plain).unwrap_or("works"));
    step("…and lent as -v SRC:DST:idmap");
    let mapped = lend(&lent, true)?;
    let seen_mapped = Report::parse(&mapped).get("owner")?.to_string();
    box_evidence("owner of the directory", &seen_mapped);
    box_evidence("to write in it", errno(&mapped).unwrap_or("works"));
    let (dir, file) = (owner(&lent)?, owner(&format!("{lent}/made")).unwrap_or(Owner(1, 1)));
    evidence("owner of the directory", dir);
    evidence("owner of what the box wrote", file);
    let refused = seen == "65534:65534" && errno(&plain) == Some("EACCES");
    let works = seen_mapped == "0:0" && errno(&mapped).is_none() && [dir, file] == [Owner(0, 0); 2];
    if refused && works {
        conclude("the mount translates both ways; on the disk nothing was changed");
    }
    findings.holds("C236", refused && works);
    Ok(())
}

/// The box still has the host's root directory: the volume hangs over the directory itself.
fn lend(lent: &str, mapped: bool) -> Result<String> {
    let maps = Maps::from_zero(100_000, 1000);
    let spec =
        VolumeSpec { source: lent.into(), destination: lent.into(), read_only: false, mapped };
    let script = format!("stat {lent}; write {lent}/made hello");
    let container = probing(&script)?
        .with(UserNamespace::mapped(maps.clone())?)
        .with(MountNamespace::private())
        .with(MappedVolumes::new(vec![spec], Some(maps)));
    Ok(muted(|| container.start()?.output())?.text)
}
