//! What a Dockerfile with two CMD runs.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, step};

use crate::kitchen::Kitchen;

pub const EXPERIMENT: Experiment = Experiment {
    name: "last-cmd",
    title: "of several CMD the last one counts: it is a field, not a step",
    level: Level::Deep,
    claims: &["C195"],
    needs: &[Need::Admin, Need::Overlay],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    let kitchen = Kitchen::open("last-cmd")?;
    step("Build an image from nothing, with two CMD");
    let image = kitchen.build("FROM scratch\nCMD [\"first\"]\nCMD [\"second\"]\n")?;
    let config = kitchen.config(&image)?;
    evidence("config, Cmd", format!("{:?}", config.config.cmd));
    for line in &config.history {
        evidence("config, history", line.created_by.as_deref().unwrap_or_default());
    }
    evidence("config, layers", config.rootfs.diff_ids.len());
    let overwritten = config.config.cmd == ["second"] && config.history.len() == 2;
    if overwritten && config.rootfs.diff_ids.is_empty() {
        conclude(
            "both were done, one after the other; the second wrote over what the first had written",
        );
    }
    findings.holds("C195", overwritten);
    Ok(())
}
