//! Signals by name and number, and sets of them. The numbers are those of every Linux but MIPS, SPARC and PA-RISC.

/// A set of signals as the kernel has it: bit n-1 is signal n.
pub type Set = u64;

/// Every signal. `SIGKILL` and `SIGSTOP` are in it and are not blocked by it.
pub const ALL: Set = !0;

/// Signals that the init itself has something to do with.
pub const SIGKILL: i32 = 9;
/// A child has ended, stopped or gone on.
pub const SIGCHLD: i32 = 17;
/// Go on.
pub const SIGCONT: i32 = 18;
/// Stop, whatever you planned.
pub const SIGSTOP: i32 = 19;
/// Ctrl-Z.
pub const SIGTSTP: i32 = 20;

const NAMES: [&str; 31] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

/// `SIGTERM`; real-time signals have no name of their own.
pub fn name(number: i32) -> Option<&'static str> {
    NAMES.get(usize::try_from(number - 1).ok()?).copied()
}

/// Understands `SIGTERM`, `TERM` and `15`.
pub fn parse(word: &[u8]) -> Option<i32> {
    let named = |name: &str| [name.as_bytes(), &name.as_bytes()[3..]].contains(&word);
    match NAMES.iter().position(|name| named(name)) {
        Some(index) => Some(index as i32 + 1),
        None => number(word).filter(|number| (1..=64).contains(number)),
    }
}

/// A decimal number of at most nine digits.
pub fn number(word: &[u8]) -> Option<i32> {
    let digit =
        |value: i32, byte: &u8| byte.is_ascii_digit().then(|| value * 10 + i32::from(byte - b'0'));
    if word.is_empty() || word.len() > 9 { None } else { word.iter().try_fold(0, digit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_has_three_spellings() {
        for word in ["15", "TERM", "SIGTERM"] {
            assert_eq!(parse(word.as_bytes()), Some(15), "{word}");
        }
        assert!(
            ["", "0", "65", "-1", "SIG", "sigterm"].iter().all(|w| parse(w.as_bytes()).is_none())
        );
        assert_eq!(
            (name(17), name(31), name(32), name(0)),
            (Some("SIGCHLD"), Some("SIGSYS"), None, None)
        );
    }
}
