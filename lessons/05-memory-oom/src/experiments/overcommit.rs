//! More than there is.

use clone_pid::Running;
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use ground::text::{name, size};
use memory_oom::MemoryLimit;
use std::fs;

use crate::stage::boxed;

pub const EXPERIMENT: Experiment = Experiment {
    name: "overcommit",
    title: "the kernel promises more memory than there is, but not in one piece",
    level: Level::Deep,
    claims: &["C093"],
    needs: &[Need::Admin, Need::Clone3, Need::MemoryController],
    run,
};

const LIMIT: u64 = 20;

fn run(findings: &mut Findings) -> Result<()> {
    step("How much memory and swap are there, and how does the kernel promise it?");
    let there = of_meminfo("MemTotal:") + of_meminfo("SwapTotal:");
    evidence("/proc/meminfo, MemTotal and SwapTotal together, MiB", size(there));
    let mode = fs::read_to_string("/proc/sys/vm/overcommit_memory").unwrap_or_default();
    evidence("/proc/sys/vm/overcommit_memory", name(mode.trim()));

    step(format!("A box in a group of {LIMIT} MiB asks three times for four fifths of that"));
    let (most, too_much) = (there * 4 / 5, there * 8 / 5);
    let thrice = ask(&format!("ask {most}; ask {most}; ask {most}; hold"))?;
    tell("mmap(2), the three answers", &thrice);
    step("…then for twice as much at once");
    let at_once = ask(&format!("ask {too_much}; hold"))?;
    tell("mmap(2)", &at_once);
    step("…and for that with MAP_NORESERVE");
    let no_reserve = ask(&format!("ask {too_much} noreserve; hold"))?;
    tell("mmap(2)", &no_reserve);
    conclude("nobody's limit is asked: a group pays for pages, and there are none yet");

    let ok = |answers: &[String]| answers.iter().all(|answer| answer == "ok");
    let promises = thrice.len() == 3 && ok(&thrice) && no_reserve.len() == 1 && ok(&no_reserve);
    findings
        .because("in mode 0 one request beyond memory and swap is refused as obviously too much");
    findings.partly("C093", promises, at_once == ["ENOMEM"]);
    Ok(())
}

fn tell(source: &str, answers: &[String]) {
    box_evidence(source, answers.join(", "));
}

/// What mmap says to each request.
fn ask(script: &str) -> Result<Vec<String>> {
    let container = boxed(script)?.with(MemoryLimit::mib(LIMIT).without_swap());
    let mut running: Running = muted(|| container.start())?;
    let mut answers = Vec::new();
    while let Some(line) = running.line()?.filter(|line| line != "ready") {
        answers.extend(line.strip_prefix("asked ").map(str::to_string));
    }
    muted(|| running.kill())?;
    Ok(answers)
}

/// MiB.
fn of_meminfo(key: &str) -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) >> 10
}
