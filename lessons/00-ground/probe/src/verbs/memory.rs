//! Loads of memory. What a verb takes it keeps until the process ends, so that the verbs of a script add up.

use std::fs::File;
use std::io::{self, Read, Write};
use std::thread::sleep;
use std::time::Duration;

use super::{Verb, number};
use crate::output::{say, say_and_wait};
use crate::{During, Result, sys};

pub const VERBS: &[Verb] = &[
    Verb { name: "eat-anon", args: "<MIB> [PAUSE_MS]", run: eat_anon },
    Verb { name: "map-anon", args: "<MIB>", run: map_anon },
    Verb { name: "map-file", args: "<PATH>", run: map_file },
    Verb { name: "write-file", args: "<PATH> <MIB>", run: write_file },
    Verb { name: "read-file", args: "<PATH>", run: read_file },
    Verb { name: "cool-file", args: "<PATH>", run: cool_file },
    Verb { name: "fill-pipes", args: "<COUNT>", run: fill_pipes },
    Verb { name: "hold", args: "", run: hold },
];

const MIB: usize = 1 << 20;
const PAGE: usize = 4096;

/// Reserves addresses. Until somebody writes there is no page behind them.
fn reserve(mib: usize) -> &'static mut [u8] {
    vec![0; mib * MIB].leak()
}

/// Writes to every page, one MiB after the other, with a pause after each.
fn eat_anon(args: &[String]) -> Result {
    let pause = args.get(1).map_or(Ok(0), |word| number(word)).map(Duration::from_millis)?;
    for (i, mib) in reserve(number(&args[0])?).chunks_mut(MIB).enumerate() {
        mib.iter_mut().step_by(PAGE).for_each(|byte| *byte = 1);
        say!("anon {}", i + 1)?;
        sleep(pause);
    }
    Ok(())
}

fn map_anon(args: &[String]) -> Result {
    let memory = reserve(number(&args[0])?);
    say!("mapped {}", memory.len() / MIB)
}

/// Maps a file and reads a byte of every page.
fn map_file(args: &[String]) -> Result {
    let file = File::open(&args[0]).during(format_args!("open({})", args[0]))?;
    let len = file.metadata().during("fstat")?.len() as usize;
    let memory = sys::map_file(&file, len).during("mmap")?;
    let sum: u64 = memory.iter().step_by(PAGE).map(|byte| u64::from(*byte)).sum();
    std::hint::black_box(sum);
    say!("mapped {}", memory.len() / MIB)
}

/// Makes a file of so many MiB: page cache, or on a tmpfs the file itself.
fn write_file(args: &[String]) -> Result {
    let mut file = File::create(&args[0]).during(format_args!("open({})", args[0]))?;
    let buffer = vec![1; MIB];
    for i in 0..number::<usize>(&args[1])? {
        file.write_all(&buffer).during(format_args!("write({}) after {i} MiB", args[0]))?;
    }
    say!("written {}", args[1])
}

fn read_file(args: &[String]) -> Result {
    let mut file = File::open(&args[0]).during(format_args!("open({})", args[0]))?;
    let mut buffer = vec![0; MIB];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer).during(format_args!("read({})", args[0]))? {
            0 => return say!("read {}", bytes / MIB),
            n => bytes += n,
        }
    }
}

/// Writes a file back to its disk, and takes it out of the page cache.
fn cool_file(args: &[String]) -> Result {
    let file =
        File::options().write(true).open(&args[0]).during(format_args!("open({})", args[0]))?;
    file.sync_all().during("fsync")?;
    sys::forget_cache(&file).during("posix_fadvise")?;
    say!("cold {}", args[0])
}

/// Pipes with as much in each as goes in: memory of the kernel.
fn fill_pipes(args: &[String]) -> Result {
    let count: usize = number(&args[0])?;
    sys::raise_descriptor_limit().during("setrlimit")?;
    for _ in 0..count {
        let (reader, mut writer) = io::pipe().during("pipe")?;
        writer.write_all(&[1; 1 << 16]).during("write(pipe)")?;
        std::mem::forget((reader, writer));
    }
    say!("pipes {count}")
}

/// Keeps what it has, until somebody ends it.
fn hold(_: &[String]) -> Result {
    say_and_wait("ready")
}
