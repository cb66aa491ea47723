//! What a process may do about its signals, and faults. Each verb takes effect and returns, so that a script can go on.

use std::io::{self, BufReader, Read};

use super::Verb;
use crate::output::{call, say};
use crate::{During, Failure, Result, signal, sys};

pub const VERBS: &[Verb] = &[
    Verb { name: "catch", args: "<SIGNAL>…", run: catch },
    Verb { name: "listen", args: "<SIGNAL>…", run: listen },
    Verb { name: "ignore", args: "<SIGNAL>…", run: ignore },
    Verb { name: "block", args: "<SIGNAL>…", run: block },
    Verb { name: "signalfd", args: "<SIGNAL>…", run: signalfd },
    Verb { name: "await", args: "<SIGNAL>…", run: await_one },
    Verb { name: "take", args: "<SIGNAL>…", run: take },
    Verb { name: "catch-all", args: "", run: catch_all },
    Verb { name: "fault", args: "", run: fault },
    Verb { name: "illegal-instruction", args: "", run: illegal_instruction },
    Verb { name: "abort", args: "", run: abort },
];

/// `all` is every signal but those that cannot be handled, and the real-time signals.
fn parse(words: &[String]) -> Result<Vec<i32>> {
    let mut signals = Vec::new();
    for word in words {
        match word.as_str() {
            "all" => signals.extend((1..32).filter(|n| ![libc::SIGKILL, libc::SIGSTOP].contains(n))),
            word => signals.push(signal::parse(word)?),
        }
    }
    Ok(signals)
}

fn catch(args: &[String]) -> Result {
    parse(args)?.into_iter().try_for_each(|number| sys::catch(number).during("sigaction"))
}

/// Handlers that say which signal came. Nothing of it ends the process.
fn listen(args: &[String]) -> Result {
    let (caught, pipe) = io::pipe().during("pipe")?;
    sys::catch_into(pipe.into());
    catch(args)?;
    say!("ready")?;
    for byte in BufReader::new(caught).bytes() {
        say!("got {}", signal::name(i32::from(byte.during("read(pipe)")?)))?;
    }
    Ok(())
}

fn ignore(args: &[String]) -> Result {
    let ignore = |number| sys::children::ignore(number).during("sigaction");
    parse(args)?.into_iter().try_for_each(ignore)
}

fn block(args: &[String]) -> Result {
    sys::children::block(&parse(args)?).during("sigprocmask")
}

fn signalfd(args: &[String]) -> Result {
    block(args)?;
    sys::children::signalfd(&parse(args)?).during("signalfd").map(drop)
}

/// Waits for one of them, which is not handled in any other way.
fn await_one(args: &[String]) -> Result {
    block(args)?;
    say!("awaiting")?;
    sys::children::take(&parse(args)?).during("sigwaitinfo").map(drop)
}

/// Takes them one after the other, and says which came.
fn take(args: &[String]) -> Result {
    let signals = parse(args)?;
    block(args)?;
    say!("ready")?;
    loop {
        let number = sys::children::take(&signals).during("sigwaitinfo")?;
        say!("got {}", signal::name(number))?;
    }
}

/// Tries to install a handler for each.
fn catch_all(_: &[String]) -> Result {
    for number in 1..=31 {
        // The refusal is what is to be seen.
        match call(format_args!("sigaction({})", signal::name(number)), sys::catch(number)) {
            Ok(()) | Err(Failure::Call(..)) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

fn fault(_: &[String]) -> Result {
    sys::children::fault();
    Ok(())
}

fn illegal_instruction(_: &[String]) -> Result {
    sys::children::illegal_instruction();
    Ok(())
}

fn abort(_: &[String]) -> Result {
    sys::children::abort();
    Ok(())
}
