//! A file without a name.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::evidence;
use ground::text::inode;

use clone_pid::Container;
use clone_pid::beyond::Report;
use ground::rootfs::probe;
use ground::story::muted;

use crate::attack::{self, Escape, Outcome, Protection, boxed, sealed, secret, twice};

pub const EXPERIMENT: Experiment = Experiment {
    name: "escape-handle",
    title: "open_by_handle_at opens any file of the file system that the box stands on",
    level: Level::Deep,
    claims: &["C238"],
    needs: &[Need::InitialRoot, Need::Clone3],
    run,
};

pub const ESCAPE: Escape = Escape {
    name: "open_by_handle_at",
    known: "shocker, 2014",
    open: "a box with CAP_DAC_READ_SEARCH",
    closed: "CAP_DAC_READ_SEARCH given up",
    needs: &[Need::InitialRoot],
    attempt,
};

fn run(findings: &mut Findings) -> Result<()> {
    twice(&ESCAPE, findings).map(drop)
}

/// The attacker of 2014 tried all inode numbers; that of a file which is always there, such as the root, it knows. Here the
/// handle is told to it.
fn attempt(protection: Protection) -> Result<Outcome> {
    let (probe, secret) = (probe()?, secret()?);
    let argv = [probe.as_os_str(), "handle".as_ref(), secret.as_os_str()];
    let report = muted(|| Report::of(Container::new(&argv)?.capture()?))?;
    let handle = report.get("handle")?.to_string();
    evidence("name_to_handle_at, of a file beside the box's root", inode(&handle));
    let text = attack::run(sealed(boxed(&["open-handle", "/tmp", &handle])?, protection)?)?;
    Ok(Outcome::by_secret(&text))
}
