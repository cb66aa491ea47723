//! What the experiments on the order of a box's parts share: one part, too early and in its place.

use clone_pid::Container;
use ground::Result;
use ground::lesson::Findings;
use ground::story::{box_evidence, conclude, muted, step};
use nix::errno::Errno;

/// Starts the box both ways. It is a myth that the order does not matter when only the one where the part is `early` fails.
pub fn compare(
    findings: &mut Findings,
    (first, why): (&str, &str),
    box_with: impl Fn(bool) -> Result<Container>,
) -> Result<()> {
    step(first);
    let early = told(refusal(box_with(true)?)?);
    step("…and after it");
    let late = told(refusal(box_with(false)?)?);
    let matters = early.is_some() && late.is_none();
    if matters {
        conclude(why);
    }
    findings.holds("C237", !matters);
    Ok(())
}

fn told(refusal: Option<String>) -> Option<String> {
    box_evidence("the box", refusal.as_deref().unwrap_or("runs"));
    refusal
}

/// The error with which the box ended, if it did.
pub fn refusal(container: Container) -> Result<Option<String>> {
    match muted(|| container.start()?.output()) {
        Ok(_) => Ok(None),
        Err(e) if e.errno() == Some(Errno::EPERM) => Ok(Some(first_words(&e.to_string()))),
        Err(e) => Err(e),
    }
}

/// Operation and errno.
fn first_words(error: &str) -> String {
    error.splitn(3, ": ").take(2).collect::<Vec<_>>().join(": ")
}
