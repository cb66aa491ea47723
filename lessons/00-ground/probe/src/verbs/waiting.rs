//! Processes that stay, so that somebody can look at them.

use std::io::{self, BufReader, Read};
use std::time::Duration;

use super::{Verb, number};
use crate::output::{say, say_and_wait};
use crate::{During, Failure, Result, signal, sys};

pub const VERBS: &[Verb] = &[
    Verb { name: "sleep", args: "<SECONDS>", run: sleep },
    Verb { name: "trap", args: "[SIGNAL]…", run: trap },
    Verb { name: "zombie", args: "<COUNT>", run: zombie },
    Verb { name: "fork-tree", args: "<COUNT>", run: fork_tree },
];

fn sleep(args: &[String]) -> Result {
    let wrong = || Failure::Usage(format!("`{}` is not a number of seconds like 2 or 0.25", args[0]));
    std::thread::sleep(seconds(&args[0]).ok_or_else(wrong)?);
    Ok(())
}

/// Reads up to nine decimals without floating point, which would be a twentieth of the program.
fn seconds(word: &str) -> Option<Duration> {
    let (whole, decimals) = word.split_once('.').unwrap_or((word, "0"));
    let nanos = Some(format!("{decimals:0<9}")).filter(|digits| digits.len() == 9)?;
    Some(Duration::new(whole.parse().ok()?, nanos.parse().ok()?))
}

/// Says which signals arrive. SIGTERM, caught whether named or not, ends it with status 128 + 15.
fn trap(args: &[String]) -> Result {
    let mut signals = args.iter().map(|word| signal::parse(word)).collect::<Result<Vec<_>>>()?;
    if signals.is_empty() {
        signals = vec![libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGUSR1, libc::SIGUSR2];
    }
    signals.push(libc::SIGTERM);
    // A handler may do little; it writes the number into a pipe, and this loop does the rest.
    let (caught, pipe) = io::pipe().during("pipe")?;
    sys::catch_into(pipe.into());
    for number in signals {
        sys::catch(number).during(format_args!("sigaction({})", signal::name(number)))?;
    }
    say!("ready")?;
    for byte in BufReader::new(caught).bytes() {
        let number = i32::from(byte.during("read(pipe)")?);
        say!("got {}", signal::name(number))?;
        if number == libc::SIGTERM {
            std::process::exit(128 + number);
        }
    }
    Ok(())
}

/// Children that have exited and are never waited for.
fn zombie(args: &[String]) -> Result {
    for _ in 0..number(&args[0])? {
        let pid = sys::fork(|| {}).during("fork")?;
        sys::wait_until_zombie(pid).during("waitid")?;
        say!("zombie {pid}")?;
    }
    say_and_wait("ready")
}

/// Children that sleep until their parent ends.
fn fork_tree(args: &[String]) -> Result {
    for _ in 0..number(&args[0])? {
        say!("child {}", sys::fork(sys::pause).during("fork")?)?;
    }
    say_and_wait("ready")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_may_have_decimals() {
        assert_eq!(seconds("2"), Some(Duration::from_secs(2)));
        assert_eq!(seconds("0.25"), Some(Duration::from_millis(250)));
        assert!(["", "-1", "1.x", "0.0000000001", "1e3"].iter().all(|word| seconds(word).is_none()));
    }
}
