//! What this process may do, and what becomes of that when it changes its user or its program.

use std::fs::{self, File, OpenOptions};
use std::io;

use super::{Verb, number};
use crate::output::say;
use crate::{During, Failure, Result, errno, sys};

pub const VERBS: &[Verb] = &[
    Verb { name: "powers", args: "", run: powers },
    Verb { name: "syscall", args: "<NUMBER> [ARGUMENT]…", run: syscall },
    Verb { name: "filter", args: "", run: filter },
    Verb { name: "as", args: "<UID> [keep]", run: become_user },
    Verb { name: "forked", args: "<VERB> [ARGS]…", run: forked },
    Verb { name: "exec", args: "<FILE> [ARGS]…", run: exec },
    Verb { name: "readable", args: "<FILE>", run: readable },
    Verb { name: "writable", args: "<FILE>", run: writable },
    Verb { name: "open-until", args: "<MOST>", run: open_until },
];

/// The lines of `/proc/self/status` about it.
fn powers(_: &[String]) -> Result {
    let text = fs::read_to_string("/proc/self/status").during("read(/proc/self/status)")?;
    let wanted = ["Cap", "Uid", "NoNewPrivs", "Seccomp"];
    for line in text.lines().filter(|line| wanted.iter().any(|key| line.starts_with(key))) {
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        say!("{key} {}", value.split_whitespace().collect::<Vec<_>>().join(" "))?;
    }
    Ok(())
}

/// An argument in decimal or, with `0x`, in hexadecimal.
fn integer(word: &str) -> Result<i64> {
    match word.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16)
            .map(|value| value as i64)
            .map_err(|_| Failure::Usage(format!("`{word}` is not a number"))),
        None => number(word),
    }
}

fn syscall(args: &[String]) -> Result {
    let numbers = args.iter().map(|word| integer(word)).collect::<Result<Vec<_>>>()?;
    tell(&format!("syscall {}", args[0]), sys::powers::call(numbers[0], &numbers[1..]))
}

/// Whether open(2) for reading is allowed; nothing is read.
fn readable(args: &[String]) -> Result {
    tell(&args[0], File::open(&args[0]).map(|_| 0))
}

/// The same for writing; nothing is written.
fn writable(args: &[String]) -> Result {
    tell(&args[0], OpenOptions::new().write(true).open(&args[0]).map(|_| 0))
}

fn tell(what: &str, result: io::Result<i64>) -> Result {
    match result {
        Ok(value) => say!("{what} {value}"),
        Err(error) => say!("{what} {}", errno::name(&error)),
    }
}

/// setresuid(2); with `keep` the permitted set stays, but not the effective one.
fn filter(_: &[String]) -> Result {
    tell("filter", sys::powers::filter().map(|()| 0))
}

fn become_user(args: &[String]) -> Result {
    let id: i64 = number::<u32>(&args[0])?.into();
    if args.len() > 1 {
        let keep = [libc::PR_SET_KEEPCAPS.into(), 1];
        sys::powers::call(libc::SYS_prctl, &keep).during("prctl(PR_SET_KEEPCAPS)")?;
    }
    sys::powers::call(libc::SYS_setresuid, &[id; 3]).during("setresuid").map(drop)
}

fn forked(args: &[String]) -> Result {
    let words = args.to_vec();
    let child = sys::fork(move || {
        let _ = super::call(&words[0], &words[1..]);
    });
    child.during("fork")?;
    sys::children::wait_any().during("waitpid").map(drop)
}

fn exec(args: &[String]) -> Result {
    Err::<(), _>(sys::powers::exec(&args[0], &args[1..])).during(format_args!("execve({})", args[0]))
}

fn open_until(args: &[String]) -> Result {
    let most: usize = number(&args[0])?;
    let mut files = Vec::new();
    while files.len() < most {
        match File::open("/dev/null") {
            Ok(file) => files.push(file),
            Err(error) => {
                say!("refused {}", errno::name(&error))?;
                break;
            }
        }
    }
    say!("opened {}", files.len())
}
