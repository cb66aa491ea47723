//! Whom the kernel chooses.

use std::fs;
use std::time::Duration;

use clone_pid::Running;
use ground::Result;
use ground::call::doing;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use ground::text::count;
use memory_oom::OomScore;
use memory_oom::beyond::Kept;

use crate::stage::{boxed, hold_in, limited, until};

pub const EXPERIMENT: Experiment = Experiment {
    name: "victim",
    title: "the victim is who has most, plus what oom_score_adj adds: a sum, no product",
    level: Level::Deep,
    claims: &["C100"],
    needs: &[Need::Admin, Need::Clone3, Need::MemoryController],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "Two boxes, one with 128 MiB and one with next to nothing: what does each 500 of oom_score_adj add?",
    );
    let kept = Kept::memory("scores")?;
    let large = hold_in(&kept, "eat-anon 128; hold")?;
    let small = hold_in(&kept, "hold")?;
    let added = [&large, &small].map(scores);
    let [large_adds, small_adds] = added;
    muted(|| drop((large, small)));
    let (large_adds, small_adds) = (large_adds?, small_adds?);
    let sum = large_adds > 300 && small_adds > 300 && large_adds.abs_diff(small_adds) <= 2;
    if sum {
        conclude(
            "as much for one that has nothing as for one that has much: it is added, in thousandths of all memory",
        );
    }

    step("A group with 60 MiB: 10, then 35, then 20");
    let most = who_dies(None)?;
    step("…again, with oom_score_adj 1000 for the one with 10");
    let adjusted = who_dies(Some(1000))?;
    if (most, adjusted) == (Some(35), Some(10)) {
        conclude("the largest, unless a score says otherwise");
    }
    findings.because("pages in memory, in swap and of page tables, plus oom_score_adj thousandths of all memory: a sum");
    // A product of 0 pages and anything would be 0.
    findings.holds("C100", !(sum && most == Some(35) && adjusted == Some(10)));
    Ok(())
}

/// By how much its score grows from 0 to 500.
fn scores(running: &Running) -> Result<u64> {
    let process = running.child().process();
    let mut read = Vec::new();
    for adjust in [0, 500] {
        // Upwards everybody may.
        let file = format!("/proc/{}/oom_score_adj", running.child().pid());
        let shown = process.file("oom_score_adj");
        doing(format_args!("write {adjust} to {shown}"))
            .like_args(format_args!("echo {adjust} > {shown}"))
            .run(|| fs::write(&file, adjust.to_string()))?;
        let score = process.read("oom_score")?;
        evidence(process.file("oom_score"), count(score.trim()));
        read.push(score.trim().parse::<u64>().unwrap_or(0));
    }
    Ok(read[1].saturating_sub(read[0]))
}

/// Which of 10, 35 and 20 is dead when all are in one group of 60.
fn who_dies(adjust: Option<i32>) -> Result<Option<u32>> {
    let kept = limited("sixty", 60)?;
    let small = with_score(&kept, 10, adjust)?;
    let large = with_score(&kept, 35, None)?;
    let last = with_score(&kept, 20, None)?;
    let all = [(10, &small), (35, &large), (20, &last)];
    let dead = all.iter().find(|(_, running)| !running.outlasts(Duration::from_millis(5)));
    let dead = dead.map(|(mib, _)| *mib);
    evidence("killed", dead.map_or("nobody".into(), |mib| format!("the one with {mib} MiB")));
    muted(|| drop((small, large, last)));
    Ok(dead)
}

fn with_score(kept: &Kept, mib: u32, adjust: Option<i32>) -> Result<Running> {
    let script = format!("eat-anon {mib}; hold");
    let container = boxed(&script)?.with(kept.member()).with(OomScore(adjust));
    let mut running = muted(|| container.start())?;
    until(&mut running, "ready")?;
    Ok(running)
}
