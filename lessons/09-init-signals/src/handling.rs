//! [`Handling`]: what a process does about its signals, as the kernel shows it.

use ground::Result;
use ground::proc::Process;
use ground::proc::status::Signals;

// ANCHOR: handling
/// The five masks of `/proc/PID/status`, `SigPnd` and `ShdPnd` taken together. Bit n-1 is signal n. See proc_pid_status(5).
///
/// `SigCgt` shows handlers, and only those. A process that takes its signals by sigwait(3) or signalfd(2) has none; and while
/// it is in sigtimedwait(2), the signals that it waits for are not even in `SigBlk`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handling(pub Signals);

/// What happens to a signal that is sent to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A handler runs.
    Caught,
    /// It is dropped.
    Ignored,
    /// It waits until the process unblocks or takes it.
    Blocked,
    /// The default action of signal(7).
    Default,
}

impl Handling {
    /// As it is now.
    pub fn of(process: &Process) -> Result<Handling> {
        Ok(Handling(process.status()?.signals))
    }

    /// What the masks say of one signal. A blocked one is kept even if it is ignored, in case that changes.
    pub fn fate(&self, signal: i32) -> Fate {
        let has = |mask: u64| mask >> (signal - 1) & 1 == 1;
        match () {
            () if has(self.0.blocked) => Fate::Blocked,
            () if has(self.0.caught) => Fate::Caught,
            () if has(self.0.ignored) => Fate::Ignored,
            () => Fate::Default,
        }
    }
}
// ANCHOR_END: handling

/// `SIGTERM`; a real-time signal by its number.
pub fn signal_name(signal: i32) -> String {
    init::signal::name(signal).map_or_else(|| signal.to_string(), str::to_string)
}

/// The signals of a mask, by name; real-time signals, which have none, as ranges of numbers.
pub fn signal_names(mask: u64) -> String {
    let mut words: Vec<String> = Vec::new();
    let in_mask = |signal: &i32| mask >> (signal - 1) & 1 == 1;
    words.extend((1..32).filter(in_mask).map(signal_name));
    let mut rest = (32..=64).filter(in_mask).peekable();
    while let Some(first) = rest.next() {
        let mut last = first;
        while let Some(next) = rest.next_if_eq(&(last + 1)) {
            last = next;
        }
        words.push(if first == last { first.to_string() } else { format!("{first}-{last}") });
    }
    if words.is_empty() { "none".to_string() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_read_from_the_lowest_bit() {
        assert_eq!(signal_names(0), "none");
        assert_eq!(signal_names(0x1_0002), "SIGINT SIGCHLD");
        assert_eq!(signal_names(1 << 63 | 0b11 << 31 | 1 << 35), "32-33 36 64");
    }

    #[test]
    fn a_blocked_signal_waits_whatever_else_is_said_of_it() {
        let of = |blocked, ignored, caught| {
            Handling(Signals { blocked, ignored, caught, pending: 0 }).fate(15)
        };
        let term = 1 << 14;
        assert_eq!(of(term, term, 0), Fate::Blocked);
        assert_eq!(of(0, term, 0), Fate::Ignored);
        assert_eq!(of(0, 0, term), Fate::Caught);
        assert_eq!(of(1, 2, 4), Fate::Default);
    }
}
