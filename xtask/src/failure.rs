//! What went wrong, in one line, with the exit status that says whose fault it is.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// The result of everything here that can fail.
pub type Result<T> = std::result::Result<T, Failure>;

/// Why a command stops. The message is one line: what was tried, what came of it, what to do.
#[derive(Debug)]
pub struct Failure {
    status: u8,
    message: String,
}

impl Failure {
    /// The thing itself failed: a test, a build, a check. Exit status 1.
    pub fn failed(message: impl Into<String>) -> Self {
        Failure { status: 1, message: message.into() }
    }

    /// The command line or the machine is at fault, not the kit. Exit status 2.
    pub fn unusable(message: impl Into<String>) -> Self {
        Failure { status: 2, message: message.into() }
    }

    /// A child has failed and has said why itself: pass its status on and add nothing.
    pub fn status(status: u8) -> Self {
        Failure { status, message: String::new() }
    }

    /// The exit status this failure asks for.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.status)
    }

    /// True when the failure has already been reported by whoever failed.
    pub fn is_silent(&self) -> bool {
        self.message.is_empty()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Names operation and object of an I/O error: `read tests/x: No such file or directory`.
pub trait Context<T> {
    /// Turns the error into a [`Failure`] that says what was done to which path.
    fn doing(self, operation: &str, object: &Path) -> Result<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn doing(self, operation: &str, object: &Path) -> Result<T> {
        self.map_err(|e| Failure::unusable(format!("{operation} {}: {e}", object.display())))
    }
}
