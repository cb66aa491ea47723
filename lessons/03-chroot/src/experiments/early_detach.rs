//! Why the old root must stay until the end: the kernel's condition for a new /proc in a user namespace.

use chroot::Rootfs;
use clone_pid::{Container, Part, PidNamespace};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, step};

use crate::boxes::{PROBE, Scratch, UserNamespace, place};
use mount_ns::{MountNamespace, Proc};

pub const EXPERIMENT: Experiment = Experiment {
    name: "early-detach",
    title: "in a user namespace, who detaches the old root first gets no /proc",
    level: Level::Deep,
    claims: &[],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

/// [`Rootfs`] that pivots and detaches at once.
struct Early(Rootfs);

impl Part for Early {
    fn prepare(&mut self) -> Result<()> {
        self.0.prepare()
    }

    fn enter(&mut self) -> Result<()> {
        self.0.enter()?;
        self.0.seal()
    }
}

fn run(_: &mut Findings) -> Result<()> {
    step("Pivot and detach first, mount /proc then");
    let early = outcome(boxed(Early(Rootfs::new(place()?)))?);
    box_evidence("outcome", &early);
    step("Mount /proc while the old root is there, pivot and detach then");
    let late = outcome(boxed(Rootfs::new(place()?))?);
    box_evidence("outcome", &late);
    conclude(match (early.as_str(), late.as_str()) {
        ("EPERM", "mounted") => {
            "a new /proc could show what the host had covered in its own, so the kernel first wants to see an \
             uncovered one in the same mount namespace: that of the old root"
        }
        ("EPERM", "EPERM") => {
            "this host has covered parts of its own /proc, and lets no user namespace mount one"
        }
        _ => "this kernel asks for no uncovered /proc, or makes no user namespace",
    });
    Ok(())
}

fn boxed(root: impl Part + 'static) -> Result<Container> {
    Container::new(&[PROBE, "pid"])?
        .with(UserNamespace)
        .with(PidNamespace)
        .with(MountNamespace::private())
        .with(Scratch::new(&place()?))
        .with(root)
        .with(Proc)
        .capture()
}

/// `mounted`, when the command ran as PID 1; else the errno that kept it.
fn outcome(container: Container) -> String {
    match container.start().and_then(|running| running.output()) {
        Ok(output) if output.text.starts_with("pid 1\n") => "mounted".to_string(),
        Ok(output) => output.text,
        Err(e) => e.errno().map_or_else(|| e.to_string(), |errno| format!("{errno:?}")),
    }
}
