//! Parents, children, orphans and zombies.

use std::fs;
use std::time::Instant;

use super::{Verb, milliseconds, number};
use crate::output::say;
use crate::{During, Failure, Result, sys};

pub const VERBS: &[Verb] = &[
    Verb { name: "fork", args: "<VERB> [ARGS]…", run: fork },
    Verb { name: "orphans", args: "<COUNT> <MILLISECONDS>", run: orphans },
    Verb { name: "lineage", args: "<DEPTH> [SUBREAPER]", run: lineage },
    Verb { name: "die", args: "<STATUS> <MILLISECONDS>", run: die },
    Verb { name: "wait4", args: "<PID>", run: wait4 },
    Verb { name: "wait-twice", args: "<MILLISECONDS>", run: wait_twice },
    Verb { name: "vforks", args: "<COUNT>", run: vforks },
    Verb { name: "traced", args: "", run: traced },
    Verb { name: "parents", args: "", run: parents },
];

/// A child that performs a verb; nobody waits for it.
fn fork(args: &[String]) -> Result {
    let child = || {
        let status = i32::from(super::call(&args[0], &args[1..]).is_err());
        sys::exit_now(status);
    };
    say!("forked {}", sys::children::fork_orphan(child).during("fork")?)
}

/// Grandchildren whose parent has ended, each living for so long.
fn orphans(args: &[String]) -> Result {
    let (count, life) = (number::<u32>(&args[0])?, milliseconds(&args[1])?);
    for _ in 0..count {
        let grandchild = || drop(sys::children::fork_orphan(|| std::thread::sleep(life)));
        let child = sys::children::fork_orphan(grandchild).during("fork")?;
        sys::children::wait4(child, 0).during("wait4")?;
    }
    say!("orphans {count}")
}

/// A process, its child, that one's child …; all stay. One of them, counted from 1, may be a subreaper.
fn lineage(args: &[String]) -> Result {
    let (depth, subreaper) = (number::<u32>(&args[0])?, args.get(1).map(|word| number(word)));
    let subreaper = subreaper.transpose()?.unwrap_or(0);
    descend(1, depth, subreaper);
    Ok(())
}

fn descend(at: u32, depth: u32, subreaper: u32) {
    if at > depth {
        // The last one is there: so are all.
        let _ = say!("ready");
        return;
    }
    let _ = sys::children::fork_orphan(|| {
        if at == subreaper {
            let _ = sys::children::become_subreaper();
        }
        descend(at + 1, depth, subreaper);
        loop {
            sys::pause();
        }
    });
}

/// A child that works for a while and exits. It stays a zombie.
fn die(args: &[String]) -> Result {
    let (status, span) = (number::<u8>(&args[0])?, milliseconds(&args[1])?);
    let child = || {
        let start = Instant::now();
        while start.elapsed() < span {}
        sys::exit_now(status.into());
    };
    let pid = sys::children::fork_orphan(child).during("fork")?;
    sys::wait_until_zombie(pid).during("waitid")?;
    say!("zombie {pid}")
}

/// Waits for a child, and says what it left.
fn wait4(args: &[String]) -> Result {
    let ended = sys::children::wait4(number(&args[0])?, 0).during("wait4")?;
    let ended = ended.ok_or_else(|| Failure::Usage("it is still running".into()))?;
    say!("status {}", ended.status >> 8 & 0xff)?;
    say!("user-ms {}", ended.user.as_millis())?;
    say!("resident-kib {}", ended.most_resident)?;
    let again = sys::children::wait4(ended.pid, 0).err().map(|error| crate::errno::name(&error).into_owned());
    say!("again {}", again.unwrap_or_default())
}

/// Waits for a child that lives so long, without blocking and then with; says what came of it and how long it took.
fn wait_twice(args: &[String]) -> Result {
    let span = milliseconds(&args[0])?;
    let pid = sys::children::fork_orphan(|| std::thread::sleep(span)).during("fork")?;
    for (word, options) in [("nohang", libc::WNOHANG), ("blocking", 0)] {
        let start = Instant::now();
        let ended = sys::children::wait4(pid, options).during("wait4")?;
        say!("{word} {}", if ended.is_some() { "the child" } else { "0" })?;
        say!("{word}-us {}", start.elapsed().as_micros())?;
    }
    Ok(())
}

/// Children that wait in the kernel until theirs have ended, which is never.
fn vforks(args: &[String]) -> Result {
    for _ in 0..number(&args[0])? {
        let endless = || {
            drop(sys::children::fork_and_wait(|| loop {
                sys::pause();
            }));
        };
        sys::fork(endless).during("fork")?;
    }
    say!("ready")
}

/// A child that is stopped by its tracer.
fn traced(_: &[String]) -> Result {
    say!("traced {}", sys::fork(sys::children::stop_for_tracer).during("fork")?)
}

/// PID, parent and state of every process that the mounted `/proc` shows.
fn parents(_: &[String]) -> Result {
    for pid in super::process::pids().during("opendir(/proc)")? {
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        // The name, in brackets, may hold anything; state and parent follow the last bracket.
        let after = stat.rsplit_once(") ").map_or("", |(_, after)| after);
        let mut fields = after.split(' ');
        let (state, parent) = (fields.next().unwrap_or("?"), fields.next().unwrap_or("?"));
        say!("{pid} {parent} {state}")?;
    }
    Ok(())
}
