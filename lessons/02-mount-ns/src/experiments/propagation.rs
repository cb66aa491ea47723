//! Whether a mount stays where it was made.

use clone_pid::beyond::UserNamespace;
use clone_pid::{Container, Created};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::Process;
use ground::story::{conclude, step};
use mount_ns::MountNamespace;

use crate::stage::{self, MountsTmpfs, Tmpfs};

pub const EXPERIMENT: Experiment = Experiment {
    name: "propagation",
    title: "a mount made in a box leaks through a shared mount, until the box's copy is private",
    level: Level::Core,
    claims: &["C055"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

/// Who learned of a mount that the other side made.
struct Seen {
    by_host: bool,
    by_box: bool,
}

fn run(findings: &mut Findings) -> Result<()> {
    step("Make a shared mount, as systemd makes every mount of the host");
    let shared = Tmpfs::on(stage::directory("shared")?)?.share()?;
    stage::look(&Process::this(), shared.path())?;

    step(
        "A box whose copy is left as it was cloned. It mounts `by-box`, then the host mounts `by-host`",
    );
    let unchanged = exchange(&shared, |container| container.with(MountNamespace::unchanged()))?;
    step("The same with a copy made private");
    let private = exchange(&shared, |container| container.with(MountNamespace::private()))?;
    if Need::UserNamespaces.is_met() {
        less_privileged(&shared)?;
    }
    findings.because("true of private mounts; it leaks through shared ones, systemd's default");
    findings.partly("C055", !private.by_host && !private.by_box, unchanged.by_host);
    Ok(())
}

/// What rootless engines get without asking.
fn less_privileged(shared: &Tmpfs) -> Result<()> {
    step("And once more unchanged, but in a user namespace: a less privileged copy");
    let parts =
        |container: Container| container.with(UserNamespace).with(MountNamespace::unchanged());
    let seen = exchange(shared, parts)?;
    if seen.by_box && !seen.by_host {
        conclude("the kernel made slaves of its shared mounts: the host's come in, none goes out");
    }
    Ok(())
}

/// Box and host each mount something below the shared mount, and look for the other's. All is unmounted on the way out.
fn exchange(shared: &Tmpfs, parts: impl FnOnce(Container) -> Container) -> Result<Seen> {
    let (by_box, by_host) = (shared.directory("by-box")?, shared.directory("by-host")?);
    let created = parts(Container::new(&["true"])?).with(MountsTmpfs(by_box.clone())).create()?;
    let guard = Tmpfs::on(by_host)?;
    let seen = Seen {
        by_host: stage::look(&Process::this(), &by_box)?,
        by_box: look_into(&created, &guard)?,
    };
    if seen.by_host {
        conclude("a peer: what is mounted on one side is mounted on the other");
        stage::unmount(&by_box)?;
    }
    Ok(seen)
}

fn look_into(created: &Created, mount: &Tmpfs) -> Result<bool> {
    stage::look(&created.child().process(), mount.path())
}
