//! What this process may do, asked of the kernel one power at a time.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;

use super::{Verb, number};
use crate::output::say;
use crate::{During, Failure, Result, errno, sys};

pub const VERBS: &[Verb] = &[
    Verb { name: "powers", args: "", run: powers },
    Verb { name: "power", args: "<CAPABILITY>", run: power },
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

/// One operation that the kernel allows only with that capability, and that changes nothing outside the box: `power NAME
/// ok`, or the errno. It needs `/tmp` and `/proc`.
fn power(args: &[String]) -> Result {
    let name = args[0].trim_start_matches("CAP_");
    let unknown = || Failure::Usage(format!("no safe operation is known for `{name}`"));
    let outcome = ask(name).ok_or_else(unknown)?;
    match outcome {
        Ok(_) => say!("power {name} ok"),
        Err(error) => say!("power {name} {}", errno::name(&error)),
    }
}

fn ask(name: &str) -> Option<io::Result<i64>> {
    use sys::powers::{call, call_with_path};
    let file = || File::create("/tmp/bxw-power");
    let path = || CString::new("/tmp/bxw-power").map_err(io::Error::from);
    Some(match name {
        "CHOWN" => file().and_then(|f| call(libc::SYS_fchown, &[f.as_raw_fd().into(), 1, 1])),
        "DAC_OVERRIDE" => closed_file().map(|()| 0),
        "FOWNER" => file().and_then(|f| {
            let fd = f.as_raw_fd().into();
            call(libc::SYS_fchown, &[fd, 1, -1])?;
            call(libc::SYS_fchmod, &[fd, 0o600])
        }),
        "KILL" => signal_stranger(),
        "SETGID" => call(libc::SYS_setgid, &[1]),
        "SETUID" => call(libc::SYS_setuid, &[1]),
        "SETPCAP" => call(libc::SYS_prctl, &[libc::PR_CAPBSET_DROP.into(), 0]),
        "NET_BIND_SERVICE" => sys::powers::bind(1).map(|()| 0),
        "NET_ADMIN" => sys::powers::force_buffer().map(|()| 0),
        "NET_RAW" => call(libc::SYS_socket, &[libc::AF_INET.into(), libc::SOCK_RAW.into(), 1]),
        "IPC_LOCK" => call(libc::SYS_mlockall, &[libc::MCL_CURRENT.into()]),
        "SYS_MODULE" => call(libc::SYS_init_module, &[0, 0, 0]),
        "SYS_CHROOT" => call_with_path(libc::SYS_chroot, c"/", &[]),
        "SYS_ADMIN" => call(libc::SYS_unshare, &[libc::CLONE_NEWUTS.into()]),
        // Without the magic numbers the call is refused to everybody, but only after this question.
        "SYS_BOOT" => call(libc::SYS_reboot, &[0, 0, 0]),
        "SYS_NICE" => call(libc::SYS_setpriority, &[0, 0, -1]),
        "MKNOD" => mknod(),
        "SETFCAP" => file().and_then(|_| sys::powers::set_file_capability(&path()?).map(|()| 0)),
        // How much of the kernel's log is unread.
        "SYSLOG" => call(libc::SYS_syslog, &[9]),
        _ => return None,
    })
}

/// /dev/null once more.
fn mknod() -> io::Result<i64> {
    let _ = fs::remove_file("/tmp/bxw-power");
    sys::mknod("/tmp/bxw-power", libc::S_IFCHR | 0o600, 1, 3).map(|()| 0)
}

/// A file that its mode closes to everybody.
fn closed_file() -> io::Result<()> {
    let file = File::create("/tmp/bxw-power")?;
    sys::powers::call(libc::SYS_fchmod, &[file.as_raw_fd().into(), 0])?;
    OpenOptions::new().write(true).open("/tmp/bxw-power").map(drop)
}

/// Signal 0 to a process of another user: nothing is sent, only the question is answered.
fn signal_stranger() -> io::Result<i64> {
    let child = sys::fork(|| {
        let _ = sys::powers::call(libc::SYS_setuid, &[1]);
        loop {
            sys::pause();
        }
    })?;
    std::thread::sleep(std::time::Duration::from_millis(50));
    let answer = sys::powers::call(libc::SYS_kill, &[child.into(), 0]);
    let _ = sys::powers::call(libc::SYS_kill, &[child.into(), libc::SIGKILL.into()]);
    answer
}
