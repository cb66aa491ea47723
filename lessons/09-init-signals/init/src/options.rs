//! The options: tini's, with tini's meaning, so that one can stand in for the other.

use core::ffi::CStr;

use crate::signal;
use crate::sys::{self, Errno, Words};

const USAGE: &str = "\
init [OPTIONS] [--] COMMAND [ARGS] | --version
Run COMMAND as a child: forward signals to it, reap what it leaves behind, exit with its status.

  -s       be a subreaper: orphans below come here, also when this is not PID 1
  -p SIG   ask the kernel for this signal when the parent dies
  -g       forward signals to the child's process group, not to the child alone
  -e CODE  exit with 0 in place of CODE (may be repeated)
  -w       tell of every orphan that was reaped
  -v       tell more (may be repeated)
  -l       show the licence
  -h       show this
The environment may say the same: TINI_SUBREAPER, TINI_KILL_PROCESS_GROUP, TINI_VERBOSITY=N
";

const LICENCE: &str = "MIT OR Apache-2.0, at your choice; see LICENSE-MIT and LICENSE-APACHE\n";
const VERSION: &str = concat!("init version ", env!("CARGO_PKG_VERSION"), "\n");

/// What was asked for.
pub enum Asked {
    /// To supervise this command.
    Run(Options, Words),
    /// To print a text and go.
    Tell(&'static str),
    /// Something that makes no sense: what, and the word in question.
    Wrong(&'static str, &'static CStr),
}

/// How to supervise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Be the parent of orphans below, also when not PID 1. See `PR_SET_CHILD_SUBREAPER` in prctl(2).
    pub subreaper: bool,
    /// Forward signals to the child's process group.
    pub group: bool,
    /// Tell of every orphan that was reaped.
    pub warn: bool,
    /// 0 nothing, 1 warnings, 2 and the child's PID, 3 and every signal.
    pub verbosity: i32,
    /// The signal that the kernel is to send when the parent dies.
    pub parent_death: Option<i32>,
    /// Statuses that count as success; bit n of the whole is status n.
    pub success: [u64; 4],
}

impl Default for Options {
    fn default() -> Options {
        Options {
            subreaper: false,
            group: false,
            warn: false,
            verbosity: 1,
            parent_death: None,
            success: [0; 4],
        }
    }
}

impl Options {
    /// Reads command line, without its first word, and environment. The first word that is no option begins the command.
    pub fn read(words: Words, environment: Words) -> Asked {
        let mut options = Options::default();
        let mut at = 1;
        if words.get(1) == Some(c"--version") && words.get(2).is_none() {
            return Asked::Tell(VERSION);
        }
        while let Some(word) = words.get(at).filter(|word| is_options(word)) {
            at += 1;
            if word == c"--" {
                break;
            }
            match options.read_word(word, words.get(at)) {
                Ok(Taken::Word) => {}
                Ok(Taken::AndNext) => at += 1,
                Err(asked) => return asked,
            }
        }
        options.read_environment(environment);
        match words.get(at) {
            Some(_) => Asked::Run(options, words.from(at).without_dashes()),
            None => Asked::Wrong("there is no command", c""),
        }
    }

    /// One word of options: `-s`, `-gs`, `-e143`, `-p SIGTERM`.
    fn read_word(
        &mut self,
        word: &'static CStr,
        next: Option<&'static CStr>,
    ) -> Result<Taken, Asked> {
        let letters = &word.to_bytes()[1..];
        for (i, letter) in letters.iter().enumerate() {
            match letter {
                b's' => self.subreaper = true,
                b'g' => self.group = true,
                b'w' => self.warn = true,
                b'v' => self.verbosity += 1,
                b'h' => return Err(Asked::Tell(USAGE)),
                b'l' => return Err(Asked::Tell(LICENCE)),
                b'e' | b'p' => {
                    let (value, taken) = match (&letters[i + 1..], next) {
                        ([], Some(next)) => (next.to_bytes(), Taken::AndNext),
                        ([], None) => return Err(Asked::Wrong("a value is missing after ", word)),
                        (rest, _) => (rest, Taken::Word),
                    };
                    return match self.set(*letter, value) {
                        Some(()) => Ok(taken),
                        None => Err(Asked::Wrong(
                            if *letter == b'e' {
                                "no exit status from 0 to 255: "
                            } else {
                                "no such signal: "
                            },
                            if taken == Taken::AndNext { next.unwrap_or(word) } else { word },
                        )),
                    };
                }
                _ => return Err(Asked::Wrong("no such option: ", word)),
            }
        }
        Ok(Taken::Word)
    }

    fn set(&mut self, letter: u8, value: &[u8]) -> Option<()> {
        if letter == b'p' {
            self.parent_death = Some(signal::parse(value)?);
            return Some(());
        }
        let status = u8::try_from(signal::number(value)?).ok()?;
        self.success[usize::from(status / 64)] |= 1 << (status % 64);
        Some(())
    }

    fn read_environment(&mut self, environment: Words) {
        self.subreaper |= environment.value(b"TINI_SUBREAPER=").is_some();
        self.group |= environment.value(b"TINI_KILL_PROCESS_GROUP=").is_some();
        if let Some(level) = environment.value(b"TINI_VERBOSITY=") {
            self.verbosity = signal::number(level).unwrap_or(0);
        }
    }

    /// What must be asked of the kernel before the fork.
    pub fn apply(&self) -> Result<(), Errno> {
        if let Some(signal) = self.parent_death {
            sys::set_parent_death_signal(signal)?;
        }
        if self.subreaper { sys::set_subreaper() } else { Ok(()) }
    }

    /// The status to exit with for one of the child's.
    pub fn status(&self, of_child: u8) -> u8 {
        let success = self.success[usize::from(of_child / 64)] >> (of_child % 64) & 1 == 1;
        if success { 0 } else { of_child }
    }
}

#[derive(PartialEq, Eq)]
enum Taken {
    Word,
    AndNext,
}

fn is_options(word: &CStr) -> bool {
    let bytes = word.to_bytes();
    bytes.len() > 1 && bytes[0] == b'-'
}

#[cfg(test)]
mod tests;
