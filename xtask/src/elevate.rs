//! Root, for finished binaries only: cargo and xtask stay what they are.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::sys;

/// How a binary is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elevation {
    /// As the user we are: root already, or rootless on purpose.
    Direct,
    /// Through sudo.
    Sudo,
    /// As root of a machine with these options: through `xtask vm`.
    Machine(&'static [OsString]),
}

/// Variables that decide how a binary behaves and that sudo would drop.
const KEPT: [&str; 5] =
    ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "RUST_BACKTRACE", "RUST_TEST_THREADS"];
const KEPT_PREFIXES: [&str; 3] = ["BXW_", "INSTA_", "PROPTEST_"];

/// Decides how to become root. Says in one line on stderr why, when sudo is about to ask.
pub fn to_root(why: &str) -> Result<Elevation> {
    if sys::is_root() {
        return Ok(Elevation::Direct);
    }
    if !is_installed("sudo") {
        return Err(Failure::unusable(format!(
            "root is needed: {why}; sudo is not installed: become root another way and run this again"
        )));
    }
    eprintln!("root is needed: {why}; starting it through sudo");
    Ok(Elevation::Sudo)
}

impl Elevation {
    /// A command that runs `program` with `extra` variables added to the environment. sudo passes
    /// no environment without the SETENV right, so the variables become arguments of env(1).
    pub fn command(self, program: &Path, extra: &[(&str, OsString)]) -> Command {
        match self {
            Elevation::Direct => {
                let mut command = Command::new(program);
                command.envs(extra.iter().map(|(name, value)| (name, value)));
                command
            }
            Elevation::Sudo => sudo(program, &assignments(extra)),
            Elevation::Machine(options) => machine(options, program, extra),
        }
    }
}

/// `sudo -- [env NAME=VALUE…] PROGRAM`: env only when there is something to pass, so that a policy
/// which permits just the lesson binaries still serves.
fn sudo(program: &Path, assignments: &[OsString]) -> Command {
    let mut command = Command::new("sudo");
    command.arg("--");
    if !assignments.is_empty() {
        command.arg("env").args(assignments);
    }
    command.arg(program);
    command
}

/// `xtask vm OPTIONS --env NAME=VALUE… -- PROGRAM`: the kept variables it takes along by itself.
fn machine(options: &[OsString], program: &Path, extra: &[(&str, OsString)]) -> Command {
    let mut command = Command::new(env::current_exe().unwrap_or_else(|_| "xtask".into()));
    command.arg("vm").args(options);
    for (name, value) in extra {
        command.arg("--env").arg(assignment(name.into(), value));
    }
    command.arg("--").arg(program);
    command
}

fn assignments(extra: &[(&str, OsString)]) -> Vec<OsString> {
    let is_extra = |name: &OsStr| extra.iter().any(|(e, _)| OsStr::new(e) == name);
    let kept = env::vars_os().filter(|(name, _)| is_kept(name) && !is_extra(name));
    let extra = extra.iter().map(|(name, value)| (OsString::from(name), value.clone()));
    kept.chain(extra).map(|(name, value)| assignment(name, &value)).collect()
}

/// `NAME=VALUE`.
pub fn assignment(mut name: OsString, value: &OsStr) -> OsString {
    name.push("=");
    name.push(value);
    name
}

/// True for a variable that goes with the binary wherever it runs.
pub fn is_kept(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    KEPT.contains(&name) || KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// True when `program` is an executable file in a directory of `$PATH`.
pub fn is_installed(program: &str) -> bool {
    find_program(program).is_some()
}

/// The executable file that `$PATH` leads to.
pub fn find_program(program: &str) -> Option<PathBuf> {
    let executable = |path: &PathBuf| {
        path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    };
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|dir| dir.join(program)).find(executable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sudo_receives_variables_as_arguments() {
        let command = sudo(Path::new("/t/bin"), &["A=b c".into()]);
        let words: Vec<_> = command.get_args().collect();
        assert_eq!(words, ["--", "env", "A=b c", "/t/bin"]);
    }

    #[test]
    fn sudo_without_variables_starts_the_binary_itself() {
        let command = sudo(Path::new("/t/bin"), &[]);
        assert_eq!(command.get_args().collect::<Vec<_>>(), ["--", "/t/bin"]);
    }

    #[test]
    fn a_machine_receives_variables_as_options() {
        let command = machine(&["--boot".into()], Path::new("/t/bin"), &[("A", "b c".into())]);
        let words: Vec<_> = command.get_args().collect();
        assert_eq!(words, ["vm", "--boot", "--env", "A=b c", "--", "/t/bin"]);
    }

    #[test]
    fn only_the_kit_s_variables_pass() {
        for name in ["NO_COLOR", "BXW_SKIPS", "INSTA_UPDATE"] {
            assert!(is_kept(OsStr::new(name)), "{name}");
        }
        for name in ["HOME", "LD_LIBRARY_PATH", "CARGO", "BXW"] {
            assert!(!is_kept(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_program_is_looked_for_in_path() {
        assert!(is_installed("sh"));
        assert!(!is_installed("no-such-program"));
    }
}
