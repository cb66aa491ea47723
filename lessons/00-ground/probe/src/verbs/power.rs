//! One operation for each capability, which the kernel allows only to who has it, and which changes nothing outside the box.
//!
//! Six have none. Nothing asks for `NET_BROADCAST`. `MAC_OVERRIDE` and `MAC_ADMIN` are asked for by security modules that
//! few machines have. `AUDIT_CONTROL` counts in the first PID namespace only. `AUDIT_WRITE` would write into the host's log.
//! And without `BLOCK_SUSPEND` the kernel leaves a flag out, without a word.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::thread::sleep;
use std::time::Duration;

use super::Verb;
use crate::output::say;
use crate::sys::powers::{self as ask, call, call_with_path};
use crate::{Failure, Result, errno, sys};

pub const VERBS: &[Verb] = &[Verb { name: "power", args: "<CAPABILITY>", run: power }];

/// A file of ours, in a directory that belongs to the box.
const FILE: &str = "/tmp/bxw-power";

/// `power NAME ok`, or the errno. It needs `/tmp` and `/proc`.
fn power(args: &[String]) -> Result {
    let name = args[0].trim_start_matches("CAP_");
    let unknown = || Failure::Usage(format!("no safe operation is known for `{name}`"));
    let operations = [files, processes, network, machine];
    let outcome = operations.iter().find_map(|operation| operation(name)).ok_or_else(unknown)?;
    match outcome {
        Ok(()) => say!("power {name} ok"),
        // No errno: the kernel does the rest, and leaves this out.
        Err(error) if error.raw_os_error().is_none() => say!("power {name} {error}"),
        Err(error) => say!("power {name} {}", errno::name(&error)),
    }
}

type Outcome = Option<io::Result<()>>;

fn files(name: &str) -> Outcome {
    Some(match name {
        "CHOWN" => given(1, 1).map(drop),
        "DAC_OVERRIDE" => closed_file(),
        "DAC_READ_SEARCH" => by_handle(),
        "FOWNER" => given(1, -1).and_then(|file| set_mode(&file, 0o600)),
        "FSETID" => keep_setgid(),
        "LINUX_IMMUTABLE" => file().and_then(|file| ask::append_only(&file)),
        "LEASE" => lease(),
        "MKNOD" => file().and_then(|_| null_once_more()),
        "SETFCAP" => file().and_then(|_| ask::set_file_capability(FILE)),
        _ => return None,
    })
}

fn processes(name: &str) -> Outcome {
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE).into();
    Some(match name {
        "KILL" => stranger(|| drop(call(libc::SYS_setuid, &[1])), |pid| call(libc::SYS_kill, &[pid, 0])),
        "SETGID" => call(libc::SYS_setgid, &[1]),
        "SETUID" => call(libc::SYS_setuid, &[1]),
        "SETPCAP" => call(libc::SYS_prctl, &[libc::PR_CAPBSET_DROP.into(), 0]),
        "IPC_LOCK" => call(libc::SYS_mlockall, &[libc::MCL_CURRENT.into()]),
        "IPC_OWNER" => closed_memory(),
        // The page below vm.mmap_min_addr where a null pointer of the kernel's leads; with no right to anything in it.
        "SYS_RAWIO" => call(libc::SYS_mmap, &[0, 4096, libc::PROT_NONE.into(), flags, -1, 0]),
        "SYS_PTRACE" => stranger(
            || drop(sys::attack::hide()),
            |pid| call(libc::SYS_ptrace, &[libc::PTRACE_SEIZE.into(), pid, 0, 0]),
        ),
        "SYS_NICE" => call(libc::SYS_setpriority, &[0, 0, -1]),
        "SYS_RESOURCE" => return Some(ask::raise_limit()),
        "CHECKPOINT_RESTORE" => return Some(mapped_file()),
        _ => return None,
    }
    .map(drop))
}

fn network(name: &str) -> Outcome {
    let raw = [libc::AF_INET.into(), libc::SOCK_RAW.into(), 1];
    Some(match name {
        "NET_BIND_SERVICE" => ask::bind(1),
        "NET_ADMIN" => ask::set_loopback_as_it_is(),
        "NET_RAW" => call(libc::SYS_socket, &raw).map(drop),
        "AUDIT_READ" => ask::listen_to_audit(),
        _ => return None,
    })
}

fn machine(name: &str) -> Outcome {
    let call = |number, arguments: &[i64]| call(number, arguments).map(drop);
    Some(match name {
        // Without a program, without the magic numbers, without a time and a file: refused to everybody, or nothing to do,
        // but only after the question.
        "SYS_MODULE" => call(libc::SYS_init_module, &[0, 0, 0]),
        "SYS_BOOT" => call(libc::SYS_reboot, &[0, 0, 0]),
        "SYS_TIME" => call(libc::SYS_settimeofday, &[0, 0]),
        "SYS_PACCT" => call(libc::SYS_acct, &[0]),
        "SYS_CHROOT" => call_with_path(libc::SYS_chroot, c"/", &[]).map(drop),
        "SYS_ADMIN" => call(libc::SYS_unshare, &[libc::CLONE_NEWUTS.into()]),
        // It hangs up the terminal of who asks.
        "SYS_TTY_CONFIG" if !has_terminal() => call(libc::SYS_vhangup, &[]),
        // How much of the kernel's log is unread.
        "SYSLOG" => call(libc::SYS_syslog, &[9]),
        "WAKE_ALARM" => call(libc::SYS_timerfd_create, &[libc::CLOCK_BOOTTIME_ALARM.into(), 0]),
        "PERFMON" => ask::count_everybodys_time(),
        "BPF" => ask::make_map(),
        _ => return None,
    })
}

fn file() -> io::Result<File> {
    let _ = fs::remove_file(FILE);
    File::create(FILE)
}

/// A file that is given away.
fn given(user: i64, group: i64) -> io::Result<File> {
    let file = file()?;
    call(libc::SYS_fchown, &[file.as_raw_fd().into(), user, group])?;
    Ok(file)
}

fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(fs::Permissions::from_mode(mode))
}

/// A file that its mode closes to everybody.
fn closed_file() -> io::Result<()> {
    set_mode(&file()?, 0)?;
    OpenOptions::new().write(true).open(FILE).map(drop)
}

fn by_handle() -> io::Result<()> {
    drop(file()?);
    let (kind, bytes) = sys::attack::handle(FILE)?;
    sys::attack::open_handle(&File::open("/tmp")?, kind, &bytes).map(drop)
}

/// The bit of a group that is not ours.
fn keep_setgid() -> io::Result<()> {
    let file = given(-1, 1)?;
    set_mode(&file, 0o2755)?;
    match file.metadata()?.mode() & libc::S_ISGID {
        0 => Err(io::Error::other("cleared")),
        _ => Ok(()),
    }
}

/// Of a file that is somebody else's, and that nobody writes to.
fn lease() -> io::Result<()> {
    set_mode(&file()?, 0o644)?;
    let file = File::open(FILE)?;
    call(libc::SYS_fchown, &[file.as_raw_fd().into(), 1, -1])?;
    let ask = [file.as_raw_fd().into(), libc::F_SETLEASE.into(), libc::F_RDLCK.into()];
    call(libc::SYS_fcntl, &ask).map(drop)
}

/// /dev/null once more.
fn null_once_more() -> io::Result<()> {
    fs::remove_file(FILE)?;
    sys::mknod(FILE, libc::S_IFCHR | 0o600, 1, 3)
}

/// System V memory that its mode closes to everybody.
fn closed_memory() -> io::Result<i64> {
    let id = call(libc::SYS_shmget, &[libc::IPC_PRIVATE.into(), 4096, 0])?;
    let answer = call(libc::SYS_shmat, &[id, 0, libc::SHM_RDONLY.into()]);
    call(libc::SYS_shmctl, &[id, libc::IPC_RMID.into(), 0])?;
    answer
}

/// The file behind a mapping, opened by its address.
fn mapped_file() -> io::Result<()> {
    let first = fs::read_dir("/proc/self/map_files")?.next().ok_or(io::ErrorKind::NotFound)??;
    File::open(first.path()).map(drop)
}

/// Asks about a child that has become another: signal 0 and a look are not felt by it.
fn stranger(become_one: fn(), question: fn(i64) -> io::Result<i64>) -> io::Result<i64> {
    let child = sys::fork(|| {
        become_one();
        loop {
            sys::pause();
        }
    })?;
    sleep(Duration::from_millis(50));
    let answer = question(child.into());
    let _ = call(libc::SYS_kill, &[child.into(), libc::SIGKILL.into()]);
    answer
}

/// `/proc/self/stat`: five fields after the name the number of the controlling terminal.
fn has_terminal() -> bool {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    fields.split_whitespace().nth(4) != Some("0")
}
