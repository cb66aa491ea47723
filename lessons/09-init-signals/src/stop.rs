//! [`stop()`]: what `docker stop` does.

use std::time::Duration;

use clone_pid::{Running, Status};
use ground::Result;
use ground::story::muted;

// ANCHOR: stop
/// Sends PID 1 a signal, waits, and kills it if it is still there. The others of the box learn of neither: they die because
/// PID 1 does. Says how PID 1 ended, and whether it had to be killed.
pub fn stop(running: Running, signal: i32, grace: Duration) -> Result<(Status, bool)> {
    running.signal(signal)?;
    if !running.outlasts(grace) {
        return Ok((running.wait()?, false));
    }
    running.signal(libc::SIGKILL)?;
    Ok((muted(|| running.wait())?, true))
}
// ANCHOR_END: stop
