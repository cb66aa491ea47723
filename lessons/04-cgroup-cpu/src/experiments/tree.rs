//! A tree of groups.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use std::time::Duration;

use cgroup_cpu::beyond::Kept;
use cgroup_cpu::{CpuLimit, Group};
use clone_pid::Part;
use ground::text::{count, path};

use crate::stage::{loops, on_v2, watch};

pub const EXPERIMENT: Experiment = Experiment {
    name: "tree",
    title: "a group in a group, and a limit that holds for all below",
    level: Level::Deep,
    claims: &["C068"],
    needs: &[Need::Admin, Need::Clone3, Need::CpuController],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("A group db with a fifth of a CPU, and in it mysql and mongo, each with a loop");
    let db = Kept::cpu("db")?;
    CpuLimit::cores(0.2).of(&db.group).prepare()?;
    let [mysql, mongo] = ["db/mysql", "db/mongo"].map(Kept::cpu);
    let (mysql, mongo) = (mysql?, mongo?);
    let start = |group: &Group| muted(|| loops(group, "spin 3600000")?.start());
    let (first, second) = (start(&mysql.group)?, start(&mongo.group)?);
    let place = db.place()?;
    let used = watch(&db.group, Duration::from_millis(800), 0.2)?.told(&place);
    let (a, b) = (mysql.group.cpu()?.usage, mongo.group.cpu()?.usage);
    let shared = a > Duration::ZERO && b > Duration::ZERO && used.cpus() < 0.2 * 1.75;

    step("Give mysql more than the group around it has: half a CPU");
    let larger = CpuLimit::cores(0.5).of(&mysql.group).prepare();
    evidence("outcome", larger.as_ref().map_or_else(refusal, |()| "accepted".into()));
    let again = watch(&db.group, Duration::from_millis(500), 0.2)?.told(&place);
    let caps = again.cpus() < 0.2 * 1.75 && again.cpu.throttled > 0;
    muted(|| first.kill().and(second.kill()))?;
    conclude(match on_v2() {
        true => {
            "accepted, and of no effect: what the group around it has is divided among those in it"
        }
        false => "v1 refuses a quota above that of the group around it",
    });

    step("How many groups has the cpu controller?");
    let groups = 1 + [&db, &mysql, &mongo].len();
    let root = place.parent().map_or_else(String::new, |top| path(top.dir.display()).to_string());
    evidence(format!("directories at and below {root}, ours and the root"), count(groups));
    conclude(
        "a controller is attached to a hierarchy, and a group is a node of that: one controller, many groups",
    );
    findings.because("groups form a tree, and a subsystem is not one of them");
    // The second half, the tree, is true; the first would need one group for each controller.
    findings.holds("C068", !(shared && caps && groups > 1));
    Ok(())
}

fn refusal(error: &ground::Error) -> String {
    error.errno().map_or_else(|| error.to_string(), |errno| format!("{errno:?}"))
}
