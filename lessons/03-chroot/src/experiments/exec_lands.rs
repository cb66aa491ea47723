//! Why runtimes do not use chroot: the jail belongs to a process, the container to its namespaces.

use clone_pid::Container;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::{Identity, Process};
use ground::rootfs::probe;
use ground::story::{conclude, evidence, step};

use crate::attack::{Reached, WAYS, attack_again, marked, marker, shown};
use crate::boxes::{PROBE, guest, jail, pivoted};

pub const EXPERIMENT: Experiment = Experiment {
    name: "exec-lands",
    title: "namespaces with a chroot in them: who joins by exec is on the host",
    level: Level::Core,
    claims: &["C059"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    let host = Process::this().root()?;
    evidence("device:inode of / on the host", marked(&shown(host)));
    step(
        "A box of namespaces and chroot, and a guest that joins its mount namespace as `docker exec` does",
    );
    let jailed = roots(jail(&["sleep", "60"])?, &probe()?.to_string_lossy())?;
    conclude(jailed.told(host));
    step("The same box with pivot_root in place of chroot");
    let pivoted_roots = roots(pivoted(&["sleep", "60"])?, PROBE)?;
    conclude(pivoted_roots.told(host));
    step("And the attacker from within, in the box of namespaces and chroot");
    let reached = attack_again(jail(&[WAYS[0], &marker()?])?)?;

    let contained = jailed.first != host && pivoted_roots.first != host;
    let leaks = jailed.guest == host && reached == Reached::Host;
    let holds = pivoted_roots.guest == pivoted_roots.first;
    findings.because("namespaces and a root, yes; but the root is changed with pivot_root, as runc, crun and this kit do. cgroups limit, they isolate nothing");
    findings.partly("C059", contained, leaks && holds);
    Ok(())
}

/// The root directories of a box's first process and of a guest.
struct Roots {
    first: Identity,
    guest: Identity,
}

impl Roots {
    fn told(&self, host: Identity) -> &'static str {
        match (self.guest == host, self.guest == self.first) {
            (true, _) => {
                "setns takes the guest to the root of the mount namespace, and that is still the host's"
            }
            (_, true) => "the namespace itself hangs from the box's root, for whoever comes in",
            _ => "the guest is neither on the host nor in the box",
        }
    }
}

/// Starts the box, joins it with `program`, which must exist there, and looks at both from outside.
fn roots(container: Container, program: &str) -> Result<Roots> {
    let first = container.start()?;
    let guest = guest(first.child(), program)?;
    let root = |name: &str, process: Process| {
        let root = process.root()?;
        evidence(format!("{}, the {name}", process.file("root")), marked(&shown(root)));
        Ok(root)
    };
    let first_root = root("first process", first.child().process())?;
    Ok(Roots { first: first_root, guest: root("guest", guest.child().process())? })
}
