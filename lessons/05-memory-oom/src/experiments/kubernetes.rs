//! A pod's numbers.

use clone_pid::Part;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use ground::text::count;
use memory_oom::beyond::Kept;
use memory_oom::{LIMIT, MemoryLimit, OomScore};

use crate::stage::{boxed, until};

pub const EXPERIMENT: Experiment = Experiment {
    name: "kubernetes",
    title: "what Kubernetes writes: a limit is a limit, a request decides who is killed first",
    level: Level::Deep,
    claims: &["C099"],
    needs: &[Need::Admin, Need::Clone3, Need::MemoryController],
    run,
};

/// MiB of a node.
const NODE: i32 = 8192;

/// What the kubelet gives a container whose request is below its limit: from 3 to 999.
fn burstable(request: i32) -> i32 {
    (1000 - 1000 * request / NODE).clamp(3, 999)
}

fn run(findings: &mut Findings) -> Result<()> {
    step("A limit of 64Mi");
    let kept = Kept::memory("pod")?;
    MemoryLimit::mib(64).of(&kept.group).prepare()?;
    let place = kept.place()?;
    let limit = place.number(LIMIT.of(&place))?;
    step("Two containers in it with requests of 4096Mi and 1024Mi, on a node that has 8192Mi");
    let modest = score(&kept, burstable(1024))?;
    let greedy = score(&kept, burstable(4096))?;
    if modest.1 > greedy.1 {
        conclude(
            "who requested less is killed first, when the node is short: a request is more than a number for the scheduler",
        );
    }
    findings.because(
        "the request becomes oom_score_adj, 1000 - 1000 x request / capacity, and decides who is evicted; with MemoryQoS \
         it is memory.min as well",
    );
    let adjusted = (modest.0, greedy.0) == (875, 500) && modest.1 > greedy.1;
    findings.partly("C099", limit == 64 << 20, adjusted);
    Ok(())
}

/// What a process of such a container says: adjustment and score.
fn score(kept: &Kept, adjust: i32) -> Result<(i32, i32)> {
    let container = boxed("hold")?.with(kept.member()).with(OomScore(Some(adjust)));
    let mut running = muted(|| container.start())?;
    until(&mut running, "ready")?;
    let process = running.child().process();
    let number =
        |file: &str| Ok::<_, ground::Error>(process.read(file)?.trim().parse().unwrap_or(0));
    let (own, score) = (number("oom_score_adj")?, number("oom_score")?);
    evidence(process.file("oom_score_adj"), own);
    evidence(process.file("oom_score"), count(score));
    muted(|| running.kill())?;
    Ok((own, score))
}
