//! Starting children, and passing on how they ended.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};

use crate::failure::{Failure, Result};

/// Becomes the command: nothing of xtask is left to be in the way of signals or the terminal.
/// Returns only when that fails.
pub fn exec(mut command: Command) -> Failure {
    let error = command.exec();
    Failure::unusable(format!("execve {}: {error}", command.get_program().display()))
}

/// Starts the command and waits for its end.
pub fn status(command: &mut Command) -> Result<ExitStatus> {
    command.status().map_err(|error| not_started(command, &error))
}

/// Starts the command, waits, and returns what it wrote to stdout. Its stderr passes through.
/// A failed command is a silent failure: it has spoken on stderr.
pub fn stdout(command: &mut Command) -> Result<String> {
    stdout_alone(command.stderr(Stdio::inherit()))
}

/// As [`stdout`], for a command whose stderr has been directed elsewhere.
pub fn stdout_alone(command: &mut Command) -> Result<String> {
    let output = command.output().map_err(|error| not_started(command, &error))?;
    succeed(output.status)?;
    String::from_utf8(output.stdout).map_err(|_| {
        Failure::failed(format!("{}: stdout is not UTF-8", command.get_program().display()))
    })
}

/// Turns any status but 0 into a failure with that status.
pub fn succeed(status: ExitStatus) -> Result<()> {
    if status.success() { Ok(()) } else { Err(Failure::status(shell_status(status))) }
}

/// The status as a shell counts it: 128+n for a death by signal n.
pub fn shell_status(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

fn not_started(command: &Command, error: &std::io::Error) -> Failure {
    Failure::unusable(format!("start {}: {error}", command.get_program().display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn death_by_signal_counts_as_128_and_the_signal() {
        assert_eq!(shell_status(ExitStatus::from_raw(9)), 137);
        assert_eq!(shell_status(ExitStatus::from_raw(77 << 8)), 77);
    }
}
