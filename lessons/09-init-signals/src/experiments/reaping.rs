//! Zombies with and without an init.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use ground::text::count;

use crate::stage::{boxed, comes_true, family, started, with_init, zombies};

pub const EXPERIMENT: Experiment = Experiment {
    name: "reaping",
    title: "an init waits for every orphan, and leaves no zombies",
    level: Level::Deep,
    claims: &["C036"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("200 orphans that end at once, and a PID 1 that does not wait for them");
    let running = started(boxed("orphans 200 0; hold")?, "ready")?;
    comes_true(|| Ok(zombies(&running)? == 200))?;
    let left = zombies(&running)?;
    evidence("zombies among the children of PID 1", left);
    muted(|| running.kill())?;
    step("The same with an init as PID 1");
    let running = started(with_init("orphans 200 0; hold")?, "ready")?;
    let clean = comes_true(|| Ok(family(&running)?.len() == 1))?;
    evidence("zombies among the children of PID 1", zombies(&running)?);
    let status = running.child().process().read("status")?;
    let switches = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    evidence("times that the init went to sleep", count(switches.unwrap_or("0").trim()));
    muted(|| running.kill())?;
    if left == 200 && clean {
        conclude(
            "several deaths may be one SIGCHLD, so it waits until nobody is left, each time it is woken",
        );
    }
    findings.holds("C036", left == 200 && clean);
    Ok(())
}
