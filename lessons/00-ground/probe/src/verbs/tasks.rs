//! As many tasks as one may have. Each verb stops at a number or at the first refusal, and says which it was.

use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::{Verb, number};
use crate::output::say;
use crate::{During, Result, errno, sys};

pub const VERBS: &[Verb] = &[
    Verb { name: "forks-until", args: "<MOST>", run: forks_until },
    Verb { name: "threads-until", args: "<MOST>", run: threads_until },
    Verb { name: "zombies-until", args: "<MOST>", run: zombies_until },
    Verb { name: "reap", args: "", run: reap },
    Verb { name: "fork-bomb", args: "<MOST> <MILLISECONDS>", run: fork_bomb },
];

/// Repeats `make` until it is refused; `word` names what it makes.
fn until(word: &str, most: &str, mut make: impl FnMut() -> io::Result<()>) -> Result {
    let most: u32 = number(most)?;
    let refusal = (0..most).find_map(|made| make().err().map(|error| (made, error)));
    let made = refusal.as_ref().map_or(most, |(made, _)| *made);
    say!("{word} {made}")?;
    match refusal {
        Some((_, error)) => say!("refused {}", errno::name(&error)),
        None => say!("refused none"),
    }
}

/// Children that sleep until their parent ends.
fn forks_until(args: &[String]) -> Result {
    until("forks", &args[0], || sys::fork(sys::pause).map(drop))
}

/// Threads that sleep until the process ends.
fn threads_until(args: &[String]) -> Result {
    let endless = || loop {
        sys::pause();
    };
    until("threads", &args[0], || std::thread::Builder::new().spawn(endless).map(drop))
}

/// Children that have exited and are not waited for.
fn zombies_until(args: &[String]) -> Result {
    until("zombies", &args[0], || sys::wait_until_zombie(sys::fork(|| {})?))
}

/// Waits for one of them, which ends its zombie.
fn reap(_: &[String]) -> Result {
    say!("reaped {}", sys::children::wait_any().during("wait")?)
}

/// Every process forks as fast as it can, and so does what comes of it, for a while. Never more than `MOST` forks in all,
/// so that it can be tried without a limit, too.
fn fork_bomb(args: &[String]) -> Result {
    let (most, span) = (number::<u32>(&args[0])?, Duration::from_millis(number(&args[1])?));
    let [forks, refusals] = sys::shared_counters().during("mmap")?;
    let end = Instant::now() + span;
    explode(
        &|| {
            if Instant::now() >= end || forks.load(Relaxed) >= most {
                return false;
            }
            forks.fetch_add(1, Relaxed);
            true
        },
        &|| {
            forks.fetch_sub(1, Relaxed);
            refusals.fetch_add(1, Relaxed);
        },
    );
    say!("forks {}", forks.load(Relaxed))?;
    say!("refusals {}", refusals.load(Relaxed))
}

/// The parent goes on forking, and each child does the same before it ends.
fn explode(may: &dyn Fn() -> bool, refused: &dyn Fn()) {
    while may() {
        if sys::fork(|| {
            explode(may, refused);
            sys::pause();
        })
        .is_err()
        {
            refused();
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
