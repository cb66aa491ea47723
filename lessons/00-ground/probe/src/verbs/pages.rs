//! Questions about memory that only a process itself can put.

use std::fs::File;
use std::io::{Seek, SeekFrom};

use super::{Verb, number};
use crate::output::say;
use crate::{During, Result, errno, sys};

pub const VERBS: &[Verb] = &[
    Verb { name: "ask", args: "<MIB> [noreserve]", run: ask },
    Verb { name: "cached", args: "<PATH>", run: cached },
    Verb { name: "parallelism", args: "", run: parallelism },
];

/// Asks for addresses, keeps them, and says what the kernel answers. A refusal is no failure.
fn ask(args: &[String]) -> Result {
    let bytes = number::<usize>(&args[0])?.saturating_mul(1 << 20);
    match sys::map_anonymous(bytes, args.len() > 1) {
        Ok(()) => say!("asked ok"),
        Err(error) => say!("asked {}", errno::name(&error)),
    }
}

/// How many pages of a file, or of a block device, are in the page cache: mincore(2).
fn cached(args: &[String]) -> Result {
    let mut file = File::open(&args[0]).during(format_args!("open({})", args[0]))?;
    let len = file.seek(SeekFrom::End(0)).during("lseek")?;
    let (cached, all) = sys::cached_pages(&file, len as usize).during("mincore")?;
    say!("cached {cached}")?;
    say!("pages {all}")
}

/// What Rust's standard library says: the affinity, and the quota of the group if that is less.
fn parallelism(_: &[String]) -> Result {
    say!("parallelism {}", std::thread::available_parallelism().during("available_parallelism")?)
}
