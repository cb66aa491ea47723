//! The map too late.

use clone_pid::Part;
use clone_pid::beyond::{probing, write_map};
use ground::Result;
use ground::call::doing;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::status::Status;
use ground::story::{conclude, evidence, muted, step};
use ground::text::caps;
use nix::sched::{CloneFlags, unshare};

use caps::UserNamespace;
use caps::maps::Maps;

pub const EXPERIMENT: Experiment = Experiment {
    name: "order-maps",
    title: "a map that is written after execve comes too late for the capabilities",
    level: Level::Deep,
    claims: &["C237"],
    needs: &[Need::InitialRoot, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("The command is executed first, then 0 is mapped to 0");
    let late = late()?;
    step("The same map, written at the gate");
    let gate = UserNamespace::mapped(Maps::from_zero(0, 1))?;
    let running = muted(|| probing("sleep 60")?.with(gate).start())?;
    let early = look(&running.child().process())?;
    muted(|| running.kill())?;
    let (some, none) = (early.capabilities.effective != 0, late.capabilities.effective == 0);
    if some && none {
        conclude(
            "execve gives root its capabilities, and at that moment it was nobody: for ever without",
        );
    }
    findings.holds("C237", !(some && none));
    Ok(())
}

/// Leaves for a user namespace without anybody's knowing.
struct Unmapped;

impl Part for Unmapped {
    fn seal(&mut self) -> Result<()> {
        doing("unshare CLONE_NEWUSER")
            .like("unshare --user COMMAND")
            .run(|| unshare(CloneFlags::CLONE_NEWUSER))
    }
}

fn late() -> Result<Status> {
    let running = muted(|| probing("sleep 60")?.with(Unmapped).start())?;
    let process = running.child().process();
    write_map(running.child(), "uid_map", "0 0 1\n")?;
    let status = look(&process);
    muted(|| running.kill())?;
    status
}

fn look(process: &ground::proc::Process) -> Result<Status> {
    let status = process.status()?;
    evidence(
        process.file("uid_map"),
        process.read("uid_map")?.split_whitespace().collect::<Vec<_>>().join(" "),
    );
    let held = status.capabilities.effective.count_ones();
    evidence(
        process.file("status, CapEff"),
        match held {
            0 => "none".to_string(),
            some => format!("{} capabilities", caps(some)),
        },
    );
    Ok(status)
}
