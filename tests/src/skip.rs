//! A skip is not a pass.

use std::io::Write;

use ground::needs::Need;

use crate::ListedExperiment;

/// Whether a test can run here. If not, it is recorded as skipped with the first missing need, and must return.
#[must_use]
pub fn needs(needs: &[Need]) -> bool {
    match needs.iter().find(|need| !need.is_met()) {
        Some(missing) => skip(missing.id(), missing.remedy()),
        None => true,
    }
}

/// The same for a program of the host that the kit is compared with.
#[must_use]
pub fn program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|dir| dir.join(name).is_file());
    found || skip(name, "install it with the distribution's package manager")
}

/// The same for a part of the kernel that shows itself by a file.
#[must_use]
pub fn kernel_file(path: &str) -> bool {
    std::path::Path::new(path).exists() || skip(path, "this kernel lacks it, or has not loaded it")
}

/// Records that an experiment is left out of this run: a line of the table, and of what must have run elsewhere.
pub fn left_out(lesson: &str, experiment: &ListedExperiment, missing: Need) {
    let what = format!("{lesson}/{} {}", experiment.name, experiment.claims.join(" "));
    record(what.trim_end(), missing.id(), missing.remedy());
}

fn skip(need: &str, remedy: &str) -> bool {
    record(std::thread::current().name().unwrap_or("?"), need, remedy);
    false
}

fn record(what: &str, need: &str, remedy: &str) {
    let line = format!("{what}\t{need}\t{remedy}\n");
    match std::env::var_os("BXW_SKIPS") {
        Some(path) => {
            let file = std::fs::OpenOptions::new().append(true).open(path);
            file.and_then(|mut f| f.write_all(line.as_bytes())).expect("record the skip");
        }
        None => std::io::stderr().write_all(line.as_bytes()).expect("say so"),
    }
}
