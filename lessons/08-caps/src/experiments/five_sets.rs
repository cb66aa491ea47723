//! Who has which capabilities.

use caps::{CapSet, Capability};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, step};

use crate::stage::{everything, run, tell_set, usual};

pub const EXPERIMENT: Experiment = Experiment {
    name: "five-sets",
    title: "root has what its bounding set has, another user what is ambient",
    level: Level::Core,
    claims: &["C171"],
    needs: &[Need::Admin, Need::Clone3, Need::OtherUsers],
    run: look,
};

fn look(findings: &mut Findings) -> Result<()> {
    step("The Cap lines of a box whose command is root, and of one whose command is user 1000");
    let root = run("powers", everything()?)?;
    let full = tell_set(&root, "CapEff", "root")?;
    let user = run("powers", everything()?.user("1000".parse()?))?;
    let none = tell_set(&user, "CapEff", "user 1000")?;

    step("Root again, in a box with the usual bounding set");
    let bounded = run("powers", usual()?)?;
    let few = tell_set(&bounded, "CapEff", "root")?;
    let bounding = tell_set(&bounded, "CapBnd", "root")?;

    step("And user 1000 with one ambient capability");
    let one = CapSet::NONE.with(Capability::NET_BIND_SERVICE);
    let able = run("powers", usual()?.user("1000".parse()?).ambient(one))?;
    let ambient = tell_set(&able, "CapEff", "user 1000")?;

    let so_far = none == CapSet::NONE && full.iter().count() > 30;
    let limit = few == bounding && few != full && ambient == one;
    if so_far && limit {
        conclude("user ID 0 is only where execve(2) begins: it takes what the bounding set has");
    }
    findings.because(
        "file and ambient capabilities give some to others, the bounding set takes from root",
    );
    findings.partly("C171", so_far, limit);
    Ok(())
}
