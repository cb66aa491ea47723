//! Files and directories, as the probe's own root shows them.

use std::fs::{self, FileType, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use super::{Verb, number};
use crate::output::{call, say};
use crate::{During, Failure, Result, sys};

pub const VERBS: &[Verb] = &[
    Verb { name: "ls", args: "<DIR>", run: ls },
    Verb { name: "cat", args: "<FILE>", run: cat },
    Verb { name: "stat", args: "<PATH>", run: stat },
    Verb { name: "write", args: "<FILE> <TEXT>", run: write },
    Verb { name: "mknod", args: "<PATH> <c|b> <MAJOR> <MINOR>", run: mknod },
];

fn ls(args: &[String]) -> Result {
    let during = format_args!("opendir({})", args[0]).to_string();
    let entries: io::Result<Vec<_>> = fs::read_dir(&args[0]).during(&during)?.collect();
    let mut names: Vec<_> = entries.during(&during)?.iter().map(fs::DirEntry::file_name).collect();
    names.sort_unstable();
    names.iter().try_for_each(|name| say!("{}", name.display()))
}

fn cat(args: &[String]) -> Result {
    let content = fs::read(&args[0]).during(format_args!("read({})", args[0]))?;
    sys::stdout().write_all(&content).during("write(stdout)")
}

fn stat(args: &[String]) -> Result {
    let file = fs::symlink_metadata(&args[0]).during(format_args!("lstat({})", args[0]))?;
    let device = file.rdev();
    say!("type {}", type_name(file.file_type()))?;
    say!("mode {:04o}", file.mode() & 0o7777)?;
    say!("owner {}:{}", file.uid(), file.gid())?;
    say!("inode {}:{}", file.dev(), file.ino())?;
    say!("rdev {}:{}", libc::major(device), libc::minor(device))
}

fn type_name(kind: FileType) -> &'static str {
    match kind {
        kind if kind.is_dir() => "dir",
        kind if kind.is_file() => "file",
        kind if kind.is_symlink() => "symlink",
        kind if kind.is_char_device() => "char",
        kind if kind.is_block_device() => "block",
        kind if kind.is_fifo() => "fifo",
        _ => "socket",
    }
}

/// Writes text and a newline in one write(2), as files of the kernel want it.
fn write(args: &[String]) -> Result {
    let [path, text] = [&args[0], &args[1]];
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(path);
    let mut file = file.during(format_args!("open({path})"))?;
    call(format_args!("write({path:?})"), file.write_all(format!("{text}\n").as_bytes()))
}

fn mknod(args: &[String]) -> Result {
    let (letter, kind) = match args[1].as_str() {
        "c" => ("S_IFCHR", libc::S_IFCHR),
        "b" => ("S_IFBLK", libc::S_IFBLK),
        other => return Err(Failure::Usage(format!("`{other}` is neither c nor b"))),
    };
    let (path, major, minor) = (&args[0], number(&args[2])?, number(&args[3])?);
    let made = sys::mknod(path, kind | 0o666, major, minor);
    call(format_args!("mknod({path:?}, {letter}|0666, {major}:{minor})"), made)
}
