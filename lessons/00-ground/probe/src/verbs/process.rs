//! Other processes, signals, and the end of this one.

use std::fs;
use std::io;
use std::time::Instant;

use super::{Verb, number};
use crate::output::{call, say};
use crate::{During, Result, signal, sys};

pub const VERBS: &[Verb] = &[
    Verb { name: "ps", args: "", run: ps },
    Verb { name: "kill", args: "<PID> <SIGNAL>", run: kill },
    Verb { name: "signals", args: "", run: signals },
    Verb { name: "getppid-loop", args: "<COUNT>", run: getppid_loop },
    Verb { name: "exit", args: "<CODE>", run: exit },
];

/// The processes that the mounted `/proc` shows, in order.
pub fn pids() -> io::Result<Vec<u32>> {
    let names = fs::read_dir("/proc")?.map(|entry| Ok(entry?.file_name()));
    let mut pids: Vec<u32> = names
        .filter_map(|name| name.map(|name| name.to_str()?.parse().ok()).transpose())
        .collect::<io::Result<_>>()?;
    pids.sort_unstable();
    Ok(pids)
}

fn ps(_: &[String]) -> Result {
    for pid in pids().during("opendir(/proc)")? {
        // One that has exited since the directory was read is left out.
        if let Ok(comm) = fs::read_to_string(format!("/proc/{pid}/comm")) {
            say!("{pid} {}", comm.trim_end())?;
        }
    }
    Ok(())
}

fn kill(args: &[String]) -> Result {
    let (pid, signal) = (number(&args[0])?, signal::parse(&args[1])?);
    call(format_args!("kill({pid}, {})", signal::name(signal)), sys::kill(pid, signal))
}

fn signals(_: &[String]) -> Result {
    let (mut blocked, mut ignored) = (Vec::new(), Vec::new());
    for number in 1..=signal::LAST {
        if sys::is_blocked(number).during("sigprocmask")? {
            blocked.push(signal::name(number));
        }
        if sys::is_ignored(number) {
            ignored.push(signal::name(number));
        }
    }
    for (key, mut names) in [("blocked", blocked), ("ignored", ignored)] {
        if names.is_empty() {
            names.push("none".into());
        }
        say!("{key} {}", names.join(" "))?;
    }
    Ok(())
}

fn getppid_loop(args: &[String]) -> Result {
    let count: u32 = number(&args[0])?;
    let start = Instant::now();
    for _ in 0..count {
        sys::getppid();
    }
    let tenths = start.elapsed().as_nanos() * 10 / u128::from(count.max(1));
    say!("calls {count}")?;
    say!("ns-per-call {}.{}", tenths / 10, tenths % 10)
}

fn exit(args: &[String]) -> Result {
    std::process::exit(number::<u8>(&args[0])?.into())
}
