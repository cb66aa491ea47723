//! Signals by name and number.

use std::borrow::Cow;

use crate::{Failure, Result};

macro_rules! signals {
    ($($name:ident)*) => {
        const SIGNALS: &[(i32, &str)] = &[$((libc::$name, stringify!($name))),*];
    };
}

signals! {
    SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE SIGALRM SIGTERM
    SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGPWR
    SIGSYS
}

/// The highest signal number of Linux on every architecture but MIPS.
pub const LAST: i32 = 64;

/// `SIGTERM`; a real-time signal is its number.
pub fn name(number: i32) -> Cow<'static, str> {
    match SIGNALS.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => Cow::Borrowed(name),
        None => Cow::Owned(number.to_string()),
    }
}

/// Understands `15`, `TERM` and `SIGTERM`.
pub fn parse(word: &str) -> Result<i32> {
    let named = |(_, name): &&(i32, &str)| *name == word || name[3..] == *word;
    match (word.parse(), SIGNALS.iter().find(named)) {
        (Ok(number), _) if (0..=LAST).contains(&number) => Ok(number),
        (_, Some((number, _))) => Ok(*number),
        _ => Err(Failure::Usage(format!("`{word}` is no signal"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_has_three_spellings() {
        for word in ["15", "TERM", "SIGTERM"] {
            assert_eq!(parse(word).ok(), Some(libc::SIGTERM), "{word}");
        }
        assert!(["65", "-1", "SIG", "", "sigterm"].iter().all(|word| parse(word).is_err()));
    }
}
