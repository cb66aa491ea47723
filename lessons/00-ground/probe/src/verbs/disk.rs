//! Loads of a disk, which is a block device or a file. Each says for how many ms its calls lasted: `VERB-ms 1020`.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Instant;

use super::{Verb, number};
use crate::output::say;
use crate::{During, Result};

pub const VERBS: &[Verb] = &[
    Verb { name: "write-direct", args: "<PATH> <KIB> [BLOCK_KIB]", run: write_direct },
    Verb { name: "read-direct", args: "<PATH> <KIB> [BLOCK_KIB]", run: read_direct },
    Verb { name: "write-buffered", args: "<PATH> <KIB>", run: write_buffered },
    Verb { name: "read-buffered", args: "<PATH> <KIB>", run: read_buffered },
    Verb { name: "flush", args: "<PATH>", run: flush },
];

/// What O_DIRECT wants of address, offset and length; more than any disk's sector.
const ALIGNED: usize = 4096;
const USUAL_KIB: usize = 256;

fn write_direct(args: &[String]) -> Result {
    write("write-direct", args, libc::O_DIRECT)
}

fn write_buffered(args: &[String]) -> Result {
    write("write-buffered", args, 0)
}

fn read_direct(args: &[String]) -> Result {
    read("read-direct", args, libc::O_DIRECT)
}

fn read_buffered(args: &[String]) -> Result {
    read("read-buffered", args, 0)
}

/// Over what is there, from the beginning.
fn write(verb: &str, args: &[String], flags: i32) -> Result {
    let open = OpenOptions::new().write(true).create(true).truncate(false).custom_flags(flags).open(&args[0]);
    let mut file = open.during(format_args!("open({})", args[0]))?;
    let (mut memory, block, blocks) = buffer(args)?;
    let block = aligned(&mut memory, block);
    block.fill(1);
    timed(verb, || {
        (0..blocks).try_for_each(|_| file.write_all(block)).during(format_args!("write({})", args[0]))
    })
}

fn read(verb: &str, args: &[String], flags: i32) -> Result {
    let open = OpenOptions::new().read(true).custom_flags(flags).open(&args[0]);
    let mut file = open.during(format_args!("open({})", args[0]))?;
    let (mut memory, block, blocks) = buffer(args)?;
    let block = aligned(&mut memory, block);
    timed(verb, || {
        (0..blocks).try_for_each(|_| file.read_exact(block)).during(format_args!("read({})", args[0]))
    })
}

/// Writes back what is dirty of it, whoever wrote it.
fn flush(args: &[String]) -> Result {
    let file = File::options().write(true).open(&args[0]);
    let file = file.during(format_args!("open({})", args[0]))?;
    timed("flush", || file.sync_all().during("fsync"))
}

/// Memory for one block, how long that is, and how many there are.
fn buffer(args: &[String]) -> Result<(Vec<u8>, usize, usize)> {
    let kib: usize = number(&args[1])?;
    let block = args.get(2).map_or(Ok(USUAL_KIB), |word| number(word))?.clamp(4, kib.max(4));
    Ok((vec![0; (block << 10) + ALIGNED], block << 10, kib / block))
}

fn aligned(memory: &mut [u8], length: usize) -> &mut [u8] {
    let from = memory.as_ptr().align_offset(ALIGNED);
    &mut memory[from..from + length]
}

fn timed(verb: &str, load: impl FnOnce() -> Result) -> Result {
    let start = Instant::now();
    load()?;
    say!("{verb}-ms {}", start.elapsed().as_millis())
}
