//! Bad input: one clear line, the right status, and the host as it was.

use std::process::Output;
use std::sync::{Mutex, PoisonError};

use ground::host::picture::{Picture, Scope, difference, take};

use crate::{eventually, lesson};

/// Runs `PROGRAM ARGS…`; the error must be one line that holds `words`, and the only output.
#[track_caller]
pub fn refused(program: &str, args: &[&str], status: i32, words: &[&str]) {
    let output = lesson(program).args(args).output().unwrap();
    says(&output, status, words);
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The error of a command that has ended is one line that holds `words`.
#[track_caller]
pub fn says(output: &Output, status: i32, words: &[&str]) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    words.iter().for_each(|word| assert!(errors.contains(word), "no {word:?} in {errors}"));
}

/// Does `act`; afterwards nothing of the kit's may be on the host that was not there before. One at a time, for the
/// runs of others would be in the picture.
#[track_caller]
pub fn leaving_nothing<T>(act: impl FnOnce() -> T) -> T {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let before = picture();
    let result = act();
    let left = || {
        let mut lines = difference(&before, &picture());
        lines.retain(|line| line.starts_with('+'));
        lines
    };
    // The kernel takes a moment to take a box's namespaces down.
    let clean = || left().is_empty().then_some(());
    let patience = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        eventually("nothing is left on the host", clean);
    }));
    assert!(patience.is_ok(), "{:#?}", left());
    result
}

fn picture() -> Picture {
    take(Scope::Ours).expect("the host can be looked at")
}
