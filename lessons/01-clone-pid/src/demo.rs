//! The demo: the bare clone, then the container around it.

use clone_pid::bare::bare;
use ground::Result;
use ground::story::{box_evidence, conclude, step};
use ground::text::pid;

/// Tells the lesson.
pub fn demo() -> Result<()> {
    step(
        "The whole idea in one call: clone a child into a PID namespace of its own. It exits with its own number.",
    );
    let (outside, inside) = bare()?;
    box_evidence("exit status of the child, which is what getpid() told it", inside);
    conclude(format!("one process, two numbers: {} here, {inside} there", pid(outside)));
    Ok(())
}
