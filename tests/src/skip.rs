//! A skip is not a pass.

use std::io::Write;

use ground::needs::Need;

/// Whether a test can run here. If not, it is recorded as skipped with the first missing need, and must return.
#[must_use]
pub fn needs(needs: &[Need]) -> bool {
    let Some(missing) = needs.iter().find(|need| !need.is_met()) else { return true };
    let thread = std::thread::current();
    let line =
        format!("{}\t{}\t{}\n", thread.name().unwrap_or("?"), missing.id(), missing.remedy());
    match std::env::var_os("BXW_SKIPS") {
        Some(path) => {
            let file = std::fs::OpenOptions::new().append(true).open(path);
            file.and_then(|mut f| f.write_all(line.as_bytes())).expect("record the skip");
        }
        None => std::io::stderr().write_all(format!("skipped: {line}").as_bytes()).expect("say so"),
    }
    false
}
