//! What each capability of lesson 08 is good for, tried in boxes that have only that, and in boxes that have all but that.

use std::fs;

use ground::needs::Need;
use ground::proc::Process;
use tests::needs;
use tests::sealed::{BOX, said, set};

/// Name, what the question itself takes, the capabilities that are good for the same, and what is heard without it.
type Power = (&'static str, Names, Names, &'static str);
type Names = &'static [&'static str];

const POWERS: [Power; 35] = [
    ("CHOWN", &[], &[], "EPERM"),
    ("DAC_OVERRIDE", &[], &[], "EACCES"),
    ("DAC_READ_SEARCH", &[], &[], "EPERM"),
    ("FOWNER", &["CHOWN"], &[], "EPERM"),
    // Nothing is refused: the bit is left out.
    ("FSETID", &["CHOWN"], &[], "cleared"),
    ("KILL", &["SETUID"], &[], "EPERM"),
    ("SETGID", &[], &[], "EPERM"),
    ("SETUID", &[], &[], "EPERM"),
    ("SETPCAP", &[], &[], "EPERM"),
    ("LINUX_IMMUTABLE", &[], &[], "EPERM"),
    ("NET_BIND_SERVICE", &[], &[], "EACCES"),
    ("NET_ADMIN", &[], &[], "EPERM"),
    ("NET_RAW", &[], &[], "EPERM"),
    ("IPC_LOCK", &[], &[], "EPERM"),
    ("IPC_OWNER", &[], &[], "EACCES"),
    ("SYS_MODULE", &[], &[], "EPERM"),
    ("SYS_RAWIO", &[], &[], "EPERM"),
    ("SYS_CHROOT", &[], &[], "EPERM"),
    ("SYS_PTRACE", &[], &[], "EPERM"),
    ("SYS_PACCT", &[], &[], "EPERM"),
    ("SYS_ADMIN", &[], &[], "EPERM"),
    ("SYS_BOOT", &[], &[], "EPERM"),
    ("SYS_NICE", &[], &[], "EACCES"),
    ("SYS_RESOURCE", &[], &[], "EPERM"),
    ("SYS_TIME", &[], &[], "EPERM"),
    ("SYS_TTY_CONFIG", &[], &[], "EPERM"),
    ("MKNOD", &[], &[], "EPERM"),
    ("LEASE", &["CHOWN"], &[], "EACCES"),
    ("SETFCAP", &[], &[], "EPERM"),
    ("SYSLOG", &[], &[], "EPERM"),
    ("WAKE_ALARM", &[], &[], "EPERM"),
    ("AUDIT_READ", &[], &[], "EPERM"),
    ("PERFMON", &[], &["SYS_ADMIN"], "EACCES"),
    ("BPF", &[], &["SYS_ADMIN"], "EPERM"),
    ("CHECKPOINT_RESTORE", &[], &["SYS_ADMIN"], "EPERM"),
];

/// The other six of 41; the probe's file about powers says why.
const NOT_TRIED: [&str; 6] =
    ["NET_BROADCAST", "AUDIT_WRITE", "AUDIT_CONTROL", "MAC_OVERRIDE", "MAC_ADMIN", "BLOCK_SUSPEND"];

/// What a kernel says that was built without the thing.
const ABSENT: [&str; 3] = ["ENOSYS", "EPROTONOSUPPORT", "ENOTTY"];

/// The answer of the probe in a box with nothing but these capabilities, or all but these.
fn asked(name: &str, all: &str, flag: &str, more: Names) -> String {
    let rest = ["--security-opt=seccomp=unconfined", "--tmpfs=/tmp:dev", "--ulimit=memlock=0", all];
    let these = [name].into_iter().chain(more.iter().copied()).flat_map(|name| [flag, name]);
    let text = said(&rest.into_iter().chain(these).collect::<Vec<_>>(), &format!("power {name}"));
    text.trim().trim_start_matches(&format!("power {name} ")).to_string()
}

/// Whether root here could have it, and a sysctl does not give to everybody what it is for.
fn can_be_shown(name: &str) -> bool {
    let setting = |file: &str| {
        let text = fs::read_to_string(format!("/proc/sys/{file}")).unwrap_or_default();
        text.trim().parse::<i64>().unwrap_or(0)
    };
    match name {
        "SYS_RESOURCE" => set(&Process::this(), "CapBnd") >> 24 & 1 == 1,
        "SYS_RAWIO" => setting("vm/mmap_min_addr") > 0,
        // At 0 everybody may; at Debian's own 3 only CAP_SYS_ADMIN.
        "PERFMON" => matches!(setting("kernel/perf_event_paranoid"), 1 | 2),
        _ => true,
    }
}

/// Each with nothing but the one capability, and with all but that.
#[test]
fn each_capability_that_is_dropped_is_one_refusal() {
    if !needs(&BOX) || !needs(&[Need::InitialRoot]) {
        return;
    }
    let mut shown = 0;
    for (name, takes, alike, refusal) in POWERS.iter().filter(|(name, ..)| can_be_shown(name)) {
        let with = asked(name, "--cap-drop=ALL", "--cap-add", takes);
        let without = asked(name, "--cap-add=ALL", "--cap-drop", alike);
        if with == without && ABSENT.contains(&with.as_str()) {
            continue;
        }
        assert_eq!(without, *refusal, "all but {name}");
        // A reboot without its magic numbers, a module without a program: refused to everybody, after the question.
        let past = ["ok", "EINVAL", "ENOEXEC"].contains(&with.as_str());
        assert!(past, "nothing but {name}: {with}");
        shown += 1;
    }
    assert!(shown >= 30, "only {shown}");
}

#[test]
fn no_capability_of_the_kernel_is_forgotten() {
    let mut names: Vec<_> = POWERS.iter().map(|power| power.0).chain(NOT_TRIED).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 41);
}
