//! How many kinds of namespace are there?

use std::collections::BTreeSet;
use std::fs;

use ground::Result;
use ground::call::quietly;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, step};

pub const EXPERIMENT: Experiment = Experiment {
    name: "eight-kinds",
    title: "seven kinds of namespace became eight with Linux 5.6",
    level: Level::Deep,
    claims: &["C006"],
    needs: &[Need::TimeNamespaces],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("Every kind has a link in /proc/self/ns. Two kinds have a second one, for the children");
    let entries = quietly("list /proc/self/ns").run(|| fs::read_dir("/proc/self/ns"))?;
    let names: BTreeSet<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let kinds: BTreeSet<&str> =
        names.iter().map(|name| name.trim_end_matches("_for_children")).collect();
    evidence("/proc/self/ns", names.iter().cloned().collect::<Vec<_>>().join(" "));
    conclude(format!("{} links, {} kinds", names.len(), kinds.len()));
    findings.because("time namespaces came with Linux 5.6");
    findings.outdated("C006", kinds.len() == 8 && kinds.contains("time"));
    Ok(())
}
