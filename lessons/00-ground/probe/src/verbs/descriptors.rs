//! What the process inherited as open descriptors.

use std::fs;

use super::Verb;
use crate::output::say;
use crate::{Result, sys};

pub const VERBS: &[Verb] = &[Verb { name: "fds", args: "", run: fds }];

/// Asks for each number instead of reading `/proc/self/fd`: that may be missing, and would open one more.
fn fds(_: &[String]) -> Result {
    let open: Vec<i32> = (0..1024).filter(|fd| sys::is_open(*fd)).collect();
    open.iter().try_for_each(|fd| match fs::read_link(format!("/proc/self/fd/{fd}")) {
        Ok(target) => say!("{fd} {}", target.display()),
        Err(_) => say!("{fd} unknown"),
    })
}
