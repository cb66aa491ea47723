//! The ledger's rows, as this book shows them.

use ground::ledger::{Claim, claims};

/// The rows of a lesson, named by number. An unknown number is a mistake.
pub fn of_lesson(number: &str) -> Result<Vec<Claim>, String> {
    let is_of = |claim: &Claim| claim.lesson.split('-').next() == Some(number);
    let rows: Vec<Claim> = claims().filter(is_of).collect();
    match rows.is_empty() {
        true => Err(format!("the ledger has no lesson {number:?}")),
        false => Ok(rows),
    }
}

/// The lessons of the ledger, `01-clone-pid` and so on, in order.
pub fn lessons() -> Vec<&'static str> {
    let mut lessons: Vec<_> = claims().map(|claim| claim.lesson).collect();
    lessons.sort_unstable();
    lessons.dedup();
    lessons
}

/// The verdicts, best first.
pub const VERDICTS: [&str; 4] = ["holds", "partly", "outdated", "refuted"];

/// A claim that is not simply true is a myth; what kind of one.
pub fn myth(claim: &Claim) -> Option<&'static str> {
    match claim.verdict {
        "partly" => Some("Half true"),
        "outdated" => Some("No longer true"),
        "refuted" => Some("Not true"),
        _ => None,
    }
}
