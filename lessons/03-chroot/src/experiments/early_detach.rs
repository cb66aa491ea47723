//! Why the old root must stay until the end: the kernel's condition for a new /proc in a user namespace.

use chroot::Rootfs;
use clone_pid::beyond::UserNamespace;
use clone_pid::{Container, Part};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::Process;
use ground::proc::mountinfo::Mount;
use ground::story::{box_evidence, conclude, evidence, step};
use ground::text::count;

use crate::boxes::{boxed, place};

pub const EXPERIMENT: Experiment = Experiment {
    name: "early-detach",
    title: "in a user namespace, who detaches the old root first gets no /proc",
    level: Level::Deep,
    claims: &["C200"],
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

fn run(findings: &mut Findings) -> Result<()> {
    step("Pivot and detach first, mount /proc then");
    let early = outcome(in_user_namespace(Early(Rootfs::new(place()?)))?);
    box_evidence("outcome", &early);
    step("Mount /proc while the old root is there, pivot and detach then");
    let late = outcome(in_user_namespace(Rootfs::new(place()?))?);
    box_evidence("outcome", &late);
    let found = (early.as_str(), late.as_str());
    conclude(told(found));
    match found {
        ("EPERM", "EPERM") if covered()? => findings.because(
            "parts of the host's own /proc are covered, as in a container: no way to compare",
        ),
        ("ENOSPC", "ENOSPC") => findings.because("the host allows no more user namespaces"),
        _ => findings.holds("C200", found == ("EPERM", "mounted")),
    }
    Ok(())
}

fn told(found: (&str, &str)) -> &'static str {
    match found {
        ("EPERM", "mounted") => {
            "a new /proc could show what the host had covered in its own, so the kernel first wants to see an \
             uncovered one in the same mount namespace: that of the old root"
        }
        (early, late) if early == late => "the order makes no difference",
        _ => "the order makes a difference, and not the one expected",
    }
}

/// Whether something is mounted on parts of the host's `/proc`.
fn covered() -> Result<bool> {
    let mounts = Process::this().mounts()?;
    let on_proc =
        |mount: &&Mount| mount.point.starts_with("/proc") && mount.point.as_os_str() != "/proc";
    let found = mounts.iter().filter(on_proc).count();
    evidence("mounts on parts of the host's /proc", count(found));
    Ok(found > 0)
}

fn in_user_namespace(root: impl Part + 'static) -> Result<Container> {
    Ok(boxed(root, &["pid"])?.with(UserNamespace))
}

/// `mounted`, when the command ran as PID 1; else the errno that kept it.
fn outcome(container: Container) -> String {
    match container.start().and_then(|running| running.output()) {
        Ok(output) if output.text.starts_with("pid 1\n") => "mounted".to_string(),
        Ok(output) => output.text,
        Err(e) => e.errno().map_or_else(|| e.to_string(), |errno| format!("{errno:?}")),
    }
}
