//! A skip is not a pass.

use std::io::Write;

use ground::needs::Need;

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

fn skip(need: &str, remedy: &str) -> bool {
    let thread = std::thread::current();
    let line = format!("{}\t{need}\t{remedy}\n", thread.name().unwrap_or("?"));
    match std::env::var_os("BXW_SKIPS") {
        Some(path) => {
            let file = std::fs::OpenOptions::new().append(true).open(path);
            file.and_then(|mut f| f.write_all(line.as_bytes())).expect("record the skip");
        }
        None => std::io::stderr().write_all(line.as_bytes()).expect("say so"),
    }
    false
}
