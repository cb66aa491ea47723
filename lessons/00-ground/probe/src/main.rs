//! `bxw-probe VERB ARGS`: what a lesson runs inside a box, and what an attacker would.
//!
//! Tools of the host differ from one distribution to the next, and most of them trust `/proc`. The probe says the same
//! things everywhere: a fact is one line `key value`, a system call that changes something is one line
//! `call chroot("esc") = 0`, a failure is one line `bxw-probe VERB: syscall: ERRNO: text` on standard error.
//! Status 0 done, 1 a system call failed, 2 wrong usage; `trap`, `exit` and `script` say their own below.
//!
//! It has no `fn main`. Rust's start-up would ignore SIGPIPE and open the descriptors 0 to 2 that it finds closed
//! before our first line ran; a program that reports how it was started must not do that, so C's `main` in
//! [`sys`] is the entry.
//!
//! One file in [`verbs`] and one word in its list make a new verb.

#![cfg_attr(not(test), no_main)]
#![cfg_attr(test, allow(dead_code))]
#![allow(clippy::print_stderr)]

mod errno;
mod output;
mod signal;
mod sys;
mod verbs;

use std::fmt::{self, Display};
use std::io;

/// Why a verb did not succeed.
enum Failure {
    /// The arguments are wrong; the text says how.
    Usage(String),
    /// The named system call failed.
    Call(String, io::Error),
}

type Result<T = ()> = std::result::Result<T, Failure>;

impl Failure {
    fn status(&self) -> i32 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Call(..) => 1,
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(text) => f.write_str(text),
            Failure::Call(call, error) => {
                write!(f, "{call}: {}: {}", errno::name(error), errno::text(error))
            }
        }
    }
}

/// Gives an `io::Result` the name of its system call.
trait During<T> {
    fn during(self, call: impl Display) -> Result<T>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, call: impl Display) -> Result<T> {
        self.map_err(|error| Failure::Call(call.to_string(), error))
    }
}

/// Runs one verb and returns the exit status.
fn run(words: &[String]) -> i32 {
    let Some((name, args)) = words.split_first() else {
        eprint!("{}", verbs::usage());
        return 2;
    };
    match verbs::call(name, args) {
        Ok(()) => 0,
        Err(failure) => {
            eprintln!("bxw-probe {name}: {failure}");
            failure.status()
        }
    }
}
