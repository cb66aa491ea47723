//! Why the pivot waits for `seal`: what lies above a root while the old one is still there.

use chroot::Rootfs;
use clone_pid::Part;
use ground::Result;
use ground::call::doing;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::Process;
use ground::story::{box_evidence, conclude, evidence, step};
use nix::unistd::{chdir, pivot_root};

use crate::attack::{marked, shown, value};
use crate::boxes::{boxed, place};

pub const EXPERIMENT: Experiment = Experiment {
    name: "above-root",
    title: "pivoted and not yet detached: /.. is the host",
    level: Level::Deep,
    claims: &["C201"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

/// pivot_root in `enter`, and never a detach. [`crate::boxes::Scratch`] has made a mount point of the place already.
struct Stacked;

impl Part for Stacked {
    fn enter(&mut self) -> Result<()> {
        let place = place()?;
        doing("chdir to the new root").like("cd ROOT").run(|| chdir(&place))?;
        doing("pivot_root . .").like("pivot_root . .").run(|| pivot_root(".", "."))?;
        doing("chdir /").like("cd /").run(|| chdir("/"))
    }
}

fn run(findings: &mut Findings) -> Result<()> {
    let host = shown(Process::this().root()?);
    evidence("device:inode of / on the host", marked(&host));
    step(
        "pivot_root(\".\", \".\") puts the old root on top of the new one. Go up from the new root:",
    );
    let stacked = identities(Stacked)?;
    step("The same with the kit's Rootfs, which detaches before anybody else's code runs");
    let ours = identities(Rootfs::new(place()?))?;
    let climbs = stacked.above == host && stacked.root != host;
    let ends = ours.above == ours.root && ours.root != host;
    conclude(match (climbs, ends) {
        (true, true) => {
            "`..` of the root is the root, and then the kernel goes up to what is mounted on it. An image with the \
             link /dev -> ../dev would have had the runtime mount and make nodes in the host's /dev"
        }
        (true, false) => "/.. is the host in the first box, and in the second it is not its own /",
        (false, _) => "/.. is not the host's root directory in the first box",
    });
    findings.holds("C201", climbs && ends);
    Ok(())
}

struct Identities {
    root: String,
    above: String,
}

/// `/` and `/..` as the box's command sees them.
fn identities(root: impl Part + 'static) -> Result<Identities> {
    let look = |text: &str| value(text, "inode").to_string();
    let text = boxed(root, &["script", "stat /; pid; stat /.."])?.start()?.output()?.text;
    let (of_root, of_above) = text.split_once("pid ").unwrap_or_default();
    let found = Identities { root: look(of_root), above: look(of_above) };
    box_evidence("device:inode of /", marked(&found.root));
    box_evidence("of /..", marked(&found.above));
    Ok(found)
}
