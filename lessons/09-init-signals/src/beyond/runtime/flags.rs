//! The flags of `run` and `create` that belong to no mechanism: Docker's, with Docker's meaning.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use ground::call::quietly;
use ground::{Error, Result};

use super::log_opt::{LogOpt, Rotation};
use super::terminal::{Console, Terminal};

/// How a box is watched, named, restarted, and what is in its environment.
#[derive(Args, Clone, Debug, Default)]
#[group(skip)] // clap would name a group after the struct
pub struct RuntimeFlags {
    /// Leave it running in the background, and print its ID
    #[arg(short, long, conflicts_with = "tell")]
    pub detach: bool,
    /// Keep its standard input open, even if nobody is attached
    #[arg(short, long)]
    pub interactive: bool,
    /// Give it a terminal
    #[arg(short, long)]
    pub tty: bool,
    /// Remove it when it ends; in the foreground, without a name, that is so anyway
    #[arg(long = "rm")]
    pub auto_remove: bool,
    /// What it is called, beside its ID
    #[arg(long, value_parser = name)]
    pub name: Option<String>,
    /// Program before the command, in place of the image's; with an empty name there is none
    #[arg(long, value_name = "PROGRAM")]
    pub entrypoint: Option<OsString>,
    /// A variable of its environment; NAME alone takes the value from here
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    pub env: Vec<String>,
    /// A file with a variable on each line
    #[arg(long, value_name = "FILE")]
    pub env_file: Vec<PathBuf>,
    /// A word to find it by
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    pub label: Vec<String>,
    /// Start it again when it ends: no, on-failure[:N], always, unless-stopped
    #[arg(long, value_name = "POLICY", default_value = "no", conflicts_with = "auto_remove")]
    pub restart: Policy,
    /// What `stop` sends; SIGTERM when left out
    #[arg(long, value_name = "SIGNAL", value_parser = signal)]
    pub stop_signal: Option<i32>,
    /// Seconds that `stop` waits before it kills; 10 when left out
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub stop_timeout: Option<i64>,
    /// How much of its log is kept: max-size=10m for a file, max-file=3 files
    #[arg(long, value_name = "KEY=VALUE")]
    pub log_opt: Vec<LogOpt>,
    /// Where the terminal of this start comes out.
    #[arg(skip)]
    pub console: Option<Console>,
}

impl RuntimeFlags {
    /// The part that `--tty` describes.
    pub fn terminal(&self) -> Terminal {
        Terminal(self.console.clone())
    }

    /// What `--env-file` and `--env` say, as `NAME=VALUE`; the later of two counts.
    pub fn environment(&self) -> Result<Vec<String>> {
        environment(&self.env_file, &self.env)
    }

    /// When a file of its log is full.
    pub fn rotation(&self) -> Option<Rotation> {
        Rotation::of(&self.log_opt)
    }

    /// Labels, by name.
    pub fn labels(&self) -> Vec<(String, String)> {
        let pair = |label: &String| {
            let (key, value) = label.split_once('=').unwrap_or((label, ""));
            (key.to_string(), value.to_string())
        };
        self.label.iter().map(pair).collect()
    }
}

/// The variables of these files, and these.
pub(super) fn environment(files: &[PathBuf], env: &[String]) -> Result<Vec<String>> {
    let mut entries = Vec::new();
    for file in files {
        let text =
            quietly(format_args!("read {}", file.display())).run(|| fs::read_to_string(file))?;
        let lines = text.lines().map(str::trim_start);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        entries.extend(lines.map(str::to_string));
    }
    entries.extend(env.iter().cloned());
    entries.into_iter().filter_map(|entry| variable(entry).transpose()).collect()
}

/// `NAME` alone takes the value from this process; without one it is left out.
fn variable(entry: String) -> Result<Option<String>> {
    if entry.starts_with('=') || entry.is_empty() {
        return Err(Error::usage(format!("{entry:?} is no variable: it has no name")));
    }
    match entry.contains('=') {
        true => Ok(Some(entry)),
        false => Ok(std::env::var(&entry).ok().map(|value| format!("{entry}={value}"))),
    }
}

/// As Docker has it: what a person can type, and a path cannot be.
pub(super) fn name(word: &str) -> Result<String> {
    let inner = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let first = word.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    match first && word.len() > 1 && word.len() < 128 && word.chars().all(inner) {
        true => Ok(word.to_string()),
        false => Err(Error::usage("a name has letters, digits, _ . and -, at least two of them")),
    }
}

/// `SIGTERM`, `TERM`, `15`.
pub(super) fn signal(word: &str) -> Result<i32> {
    let unknown = || Error::usage(format!("{word:?} is no signal: TERM, SIGTERM or 15"));
    init::signal::parse(word.to_ascii_uppercase().as_bytes()).ok_or_else(unknown)
}

/// What happens when a box has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Nothing.
    #[default]
    No,
    /// It is started again if it failed, at most so many times.
    OnFailure(Option<u64>),
    /// It is started again, unless somebody stopped it.
    Always,
    /// The same; after a boot they would differ.
    UnlessStopped,
}

impl FromStr for Policy {
    type Err = Error;

    fn from_str(word: &str) -> Result<Policy> {
        let unknown = || Error::usage("no, on-failure[:N], always or unless-stopped");
        match word.split_once(':') {
            None if word == "no" => Ok(Policy::No),
            None if word == "always" => Ok(Policy::Always),
            None if word == "unless-stopped" => Ok(Policy::UnlessStopped),
            None if word == "on-failure" => Ok(Policy::OnFailure(None)),
            Some(("on-failure", most)) => {
                most.parse().map(|most| Policy::OnFailure(Some(most))).map_err(|_| unknown())
            }
            _ => Err(unknown()),
        }
    }
}

impl Policy {
    /// Its name and its number, as Docker shows them.
    pub fn words(self) -> (&'static str, u64) {
        match self {
            Policy::No => ("no", 0),
            Policy::OnFailure(most) => ("on-failure", most.unwrap_or(0)),
            Policy::Always => ("always", 0),
            Policy::UnlessStopped => ("unless-stopped", 0),
        }
    }

    /// Whether a box that ended so is started again, after it has been so often.
    pub fn again(self, code: u8, restarts: u64) -> bool {
        match self {
            Policy::No => false,
            Policy::OnFailure(most) => code != 0 && most.is_none_or(|most| restarts < most),
            Policy::Always | Policy::UnlessStopped => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies() {
        assert_eq!("on-failure:3".parse::<Policy>().unwrap(), Policy::OnFailure(Some(3)));
        assert!(
            ["", "on-failure:", "on-failure:-1", "always:2", "yes"]
                .iter()
                .all(|word| word.parse::<Policy>().is_err())
        );
        let three = Policy::OnFailure(Some(3));
        assert!(three.again(1, 2) && !three.again(1, 3) && !three.again(0, 0));
        assert!(Policy::Always.again(0, 1000) && !Policy::No.again(1, 0));
    }

    #[test]
    fn a_name_is_no_path() {
        assert!(["ab", "web-1", "a.b_c"].iter().all(|word| name(word).is_ok()));
        assert!(["", "a", "-a", "../x", "a/b", "a b", "ä1"].iter().all(|word| name(word).is_err()));
    }
}
