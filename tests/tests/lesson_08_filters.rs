//! Lesson 08's filters, looked at from outside: what a profile becomes, and what is said of a wrong one.

use std::fs;

use tests::refusal::{leaving_nothing, says};
use tests::sealed::{BOX, ended, line, running, said};
use tests::{Scratch, needs, program};

#[test]
fn the_usual_filter_refuses_what_no_box_needs() {
    if !needs(&BOX) {
        return;
    }
    let calls = [
        libc::SYS_mount,
        libc::SYS_unshare,
        libc::SYS_keyctl,
        libc::SYS_bpf,
        libc::SYS_kexec_load,
        libc::SYS_io_uring_setup,
        libc::SYS_userfaultfd,
        libc::SYS_open_by_handle_at,
        libc::SYS_swapon,
    ];
    for call in calls {
        let text = said(&[], &format!("syscall {call}"));
        assert_eq!(text.trim(), format!("syscall {call} EPERM"));
    }
    let clone3 = said(&[], &format!("syscall {}", libc::SYS_clone3));
    assert!(clone3.contains("ENOSYS"), "{clone3}");
    let vsock =
        said(&[], &format!("syscall {0} 40 1 0; syscall {0} 0x100000028 1 0", libc::SYS_socket));
    assert_eq!(vsock.matches("EPERM").count(), 2, "{vsock}");
}

/// Bit 30 of the number chooses x32's table.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_profile_that_allows_the_rest_does_not_allow_the_numbers_of_x32() {
    if !needs(&BOX) {
        return;
    }
    let scratch = Scratch::new();
    let profile = profile(
        &scratch,
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 33}]}"#,
    );
    let number = libc::SYS_getppid;
    let text = said(&[&profile], &format!("syscall {number}; syscall {}", number | 0x4000_0000));
    assert!(
        text.contains(&format!("{number} EDOM")) || text.contains(&format!("{number} E33")),
        "{text}"
    );
    assert!(text.ends_with("ENOSYS\n"), "{text}");
    // A kernel without x32 answers so by itself: it has the filter of the profile, and one more. Linux 5.9 counts them.
    let filters = line(&running(&[&profile]).process(), "Seccomp_filters");
    assert!(["2", ""].contains(&filters.as_str()), "{filters} filters");
}

fn profile(scratch: &Scratch, text: &str) -> String {
    let file = scratch.at("profile.json");
    fs::write(&file, text).unwrap();
    format!("--security-opt=seccomp={file}")
}

#[test]
fn every_action_of_a_profile_does_what_it_is_called() {
    if !needs(&BOX) {
        return;
    }
    let scratch = Scratch::new();
    let script = format!("syscall {} 7", libc::SYS_getpgid);
    for (action, status, output) in [
        ("SCMP_ACT_ALLOW", 0, "ESRCH"),
        ("SCMP_ACT_LOG", 0, "ESRCH"),
        ("SCMP_ACT_ERRNO", 0, "EPERM"),
        // Nobody traces.
        ("SCMP_ACT_TRACE", 0, "ENOSYS"),
        ("SCMP_ACT_TRAP", 128 + libc::SIGSYS, ""),
        ("SCMP_ACT_KILL_PROCESS", 128 + libc::SIGSYS, ""),
        ("SCMP_ACT_KILL", 128 + libc::SIGSYS, ""),
    ] {
        let text = format!(
            r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{{"names": ["getpgid"], "action": "{action}"}}]}}"#
        );
        let run = ended(&[&profile(&scratch, &text)], &script);
        assert_eq!(run.status.code(), Some(status), "{action}");
        assert!(String::from_utf8_lossy(&run.stdout).contains(output), "{action}: {run:?}");
    }
}

/// It names calls of eleven architectures, asks for capabilities and kernels, and compares arguments.
#[test]
fn dockers_profile_is_taken() {
    if !needs(&BOX) {
        return;
    }
    let scratch = Scratch::new();
    let option = &*profile(&scratch, include_str!("../fixtures/docker-seccomp.json"));
    for flags in [
        [option].as_slice(),
        &[option, "--cap-add=ALL"],
        &[option, "--security-opt=no-new-privileges", "--cap-drop=ALL"],
    ] {
        let running = running(flags);
        assert_eq!(line(&running.process(), "Seccomp"), "2", "{flags:?}");
    }
    let answers = |flags: &[&str], calls: &[(i64, &str)]| {
        let script = calls.iter().map(|(call, arguments)| format!("syscall {call} {arguments}"));
        let text = said(&[&[option], flags].concat(), &script.collect::<Vec<_>>().join("; "));
        text.lines().map(|line| line.rsplit(' ').next().unwrap().to_string()).collect::<Vec<_>>()
    };
    let refused = [
        (libc::SYS_bpf, ""),
        (libc::SYS_keyctl, ""),
        (libc::SYS_add_key, ""),
        (libc::SYS_setns, ""),
        (libc::SYS_clone, "0x10000000"),
        (libc::SYS_personality, "1"),
        (libc::SYS_kexec_load, ""),
    ];
    assert_eq!(answers(&[], &refused), ["EPERM"; 7]);
    let named = [(libc::SYS_clone3, ""), (libc::SYS_personality, "0")];
    assert_eq!(answers(&[], &named), ["ENOSYS", "0"]);
    // What it allows to who has the capability fails for another reason.
    let asks = [(libc::SYS_clone3, ""), (libc::SYS_setns, "-1"), (libc::SYS_mount, "")];
    assert_eq!(answers(&["--cap-add=SYS_ADMIN"], &asks), ["EINVAL", "EBADF", "EFAULT"]);
}

#[test]
fn profiles_of_podman_are_taken() {
    let file = "/usr/share/containers/seccomp.json";
    if !needs(&BOX) || (!fs::exists(file).unwrap() && !program("containers-common")) {
        return;
    }
    let option = format!("--security-opt=seccomp={file}");
    for flags in [
        [option.as_str()].as_slice(),
        &[&option, "--cap-add=ALL"],
        &[&option, "--security-opt=no-new-privileges", "--cap-drop=ALL"],
    ] {
        let running = running(flags);
        assert_eq!(line(&running.process(), "Seccomp"), "2", "{flags:?}");
    }
    let text =
        said(&[&option], &format!("syscall {}; syscall {}", libc::SYS_bpf, libc::SYS_getpgrp));
    assert!(text.starts_with(&format!("syscall {} EPERM", libc::SYS_bpf)), "{text}");
}

#[test]
fn mistakes_get_one_line_and_leave_nothing() {
    if !needs(&BOX) {
        return;
    }
    let scratch = Scratch::new();
    let file = |name: &str, text: &str| {
        let file = scratch.at(name);
        fs::write(&file, text).unwrap();
        format!("--security-opt=seccomp={file}")
    };
    let profiles = [
        file("empty", ""),
        file("half", r#"{"defaultAction": "SCMP_ACT_"#),
        file("action", r#"{"defaultAction": "SCMP_ACT_MAYBE"}"#),
        file("arch", r#"{"defaultAction": "SCMP_ACT_LOG", "architectures": ["SCMP_ARCH_VAX"]}"#),
        file(
            "call",
            r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["opne"], "action": "SCMP_ACT_ERRNO"}]}"#,
        ),
        file(
            "notify",
            r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["open"], "action": "SCMP_ACT_NOTIFY"}]}"#,
        ),
        file("nothing", r#"{"defaultAction": "SCMP_ACT_ERRNO"}"#),
    ];
    let words =
        ["empty", "half", "SCMP_ACT_MAYBE", "SCMP_ARCH_VAX", "opne", "NOTIFY", "close_range"];
    let mut cases: Vec<(Vec<&str>, &str)> =
        profiles.iter().map(|p| vec![p.as_str()]).zip(words).collect();
    cases.extend([
        (vec!["--cap-add=SYS_MAGIC"], "SYS_MAGIC"),
        (vec!["--cap-drop="], "capability"),
        (vec!["--security-opt=loud"], "no such option"),
        (vec!["--security-opt=seccomp=/nowhere"], "/nowhere"),
        (vec!["--security-opt=seccomp=/dev/zero"], "1 MiB"),
        (vec!["--user=nosuchuser"], "nosuchuser"),
        (vec!["--user=1:nosuchgroup"], "nosuchgroup"),
        (vec!["--user="], "UID"),
        (vec!["--user=4294967295"], "4294967295"),
        (vec!["--group-add=nosuchgroup"], "nosuchgroup"),
        (vec!["--ulimit=files=1"], "files"),
        (vec!["--ulimit=nofile=2:1"], "soft"),
        (vec!["--tmpfs=tmp"], "DST"),
        (vec!["--tmpfs=/tmp:loud"], "loud"),
        (vec!["--device=/dev/nowhere"], "/dev/nowhere"),
        (vec!["--device=/etc/passwd"], "no device"),
        (vec!["--device-cgroup-rule=x"], "c 1:3 rwm"),
    ]);
    for (flags, word) in cases {
        leaving_nothing(|| says(&ended(&flags, "pid"), 125, &[word]));
    }
}
