//! `09-init-signals init …`: the init as a command of its own, with tini's options. The static program `bxw-init` is the
//! same without this binary around it.

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

use ground::Result;
use ground::lesson::c_strings;
use init::sys::{Action, set_action};

use crate::sys;

/// Performs the command line if it is one of these.
pub fn alone() -> Option<ExitCode> {
    let words: Vec<OsString> = env::args_os().skip(1).collect();
    (words.first()? == "init").then(|| ExitCode::from(perform(&words).unwrap_or(1)))
}

fn perform(words: &[OsString]) -> Result<u8> {
    // Rust ignores it before `main`, and what is ignored is inherited.
    let _ = set_action(libc::SIGPIPE, &Action::DEFAULT);
    let entry = |(key, value)| [key, "=".into(), value].into_iter().collect();
    let environment = c_strings(&env::vars_os().map(entry).collect::<Vec<OsString>>())?;
    Ok(init::main(sys::words(c_strings(words)?), sys::words(environment)))
}
