//! Lesson 08, looked at from outside: what the kernel says of a box's power, for every flag.

use std::fs;

use ground::needs::Need;
use ground::proc::Process;
use nix::sys::signal::Signal;
use tests::sealed::{BOX, line, running, said, set};
use tests::{eventually, lesson, needs};

const DEFAULT: u64 = 0xa804_25fb;

/// What this process could hand on: on some machines root lacks one.
fn all() -> u64 {
    set(&Process::this(), "CapBnd")
}

#[test]
fn every_flag_about_capabilities_becomes_the_sets_of_the_command() {
    if !needs(&BOX) {
        return;
    }
    let (all, chown, admin) = (all(), 1, 1 << 21);
    for (flags, held, bounding) in [
        ([].as_slice(), DEFAULT, DEFAULT),
        (&["--cap-drop", "ALL"], 0, 0),
        (&["--cap-drop", "CAP_CHOWN"], DEFAULT & !chown, DEFAULT & !chown),
        (
            &["--cap-drop", "chown", "--cap-add", "sys_admin"],
            DEFAULT & !chown | admin,
            DEFAULT & !chown | admin,
        ),
        (&["--cap-drop=ALL", "--cap-add=CHOWN"], chown, chown),
        (&["--cap-add", "all", "--cap-drop", "CHOWN"], all & !chown, all & !chown),
        (&["--privileged"], all, all),
        (&["--user", "1000"], 0, DEFAULT),
        (&["--user", "1000", "--cap-drop", "ALL"], 0, 0),
        (&["--user", "0", "--security-opt", "no-new-privileges"], DEFAULT, DEFAULT),
    ] {
        let running = running(flags);
        let process = running.process();
        let sets = ["CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"].map(|key| set(&process, key));
        assert_eq!(sets, [held, held, bounding, 0, 0], "{flags:?}");
    }
}

#[test]
fn filters_and_no_new_privs_are_as_the_flags_say() {
    if !needs(&BOX) {
        return;
    }
    let nnp = "--security-opt=no-new-privileges";
    let unconfined = "--security-opt=seccomp=unconfined";
    for (flags, no_new_privs, mode) in [
        ([].as_slice(), "0", "2"),
        (&[nnp], "1", "2"),
        (&["--security-opt", "no-new-privileges:false"], "0", "2"),
        (&[unconfined], "0", "0"),
        (&[unconfined, nnp], "1", "0"),
        (&["--privileged"], "0", "0"),
        (&["--privileged", "--security-opt", "seccomp=builtin"], "0", "2"),
        (&["--user", "1000", nnp, "--cap-drop", "ALL"], "1", "2"),
    ] {
        let running = running(flags);
        let process = running.process();
        assert_eq!(
            [line(&process, "NoNewPrivs"), line(&process, "Seccomp")],
            [no_new_privs, mode],
            "{flags:?}"
        );
    }
}

#[test]
fn the_command_is_who_it_should_be() {
    if !needs(&BOX) || !needs(&[Need::InitialRoot]) {
        return;
    }
    for (flags, uid, gid, groups) in [
        ([].as_slice(), 0, 0, ""),
        (&["--user", "1000"], 1000, 0, ""),
        (&["--user", "1000:2000"], 1000, 2000, ""),
        (&["-u", "nobody"], 65534, 65534, ""),
        (
            &["-u", "nobody:7", "--group-add", "9", "--group-add", "8", "--group-add", "9"],
            65534,
            7,
            "8 9",
        ),
        (&["--group-add", "5"], 0, 0, "5"),
    ] {
        let running = running(flags);
        let process = running.process();
        let four = |id: u32| vec![id.to_string(); 4].join(" ");
        assert_eq!(line(&process, "Uid"), four(uid), "{flags:?}");
        assert_eq!(line(&process, "Gid"), four(gid), "{flags:?}");
        assert_eq!(line(&process, "Groups"), groups, "{flags:?}");
    }
}

/// A change of user makes the kernel forget that the box is to die with its lesson.
#[test]
fn a_box_of_another_user_dies_with_its_lesson() {
    if !needs(&BOX) {
        return;
    }
    let running = running(&["--user", "1000"]);
    let file = format!("/proc/{}/stat", running.boxed());
    assert!(fs::exists(&file).unwrap());
    running.signal(Signal::SIGKILL);
    eventually("the box is dead", || (!fs::exists(&file).unwrap()).then_some(()));
    lesson("00-ground").arg("clean").assert().success();
}

/// Mount points of the box, with the options of the mount.
fn mounts(process: &Process) -> Vec<(String, String)> {
    let text = process.read("mountinfo").unwrap();
    let of = |line: &str| {
        let mut fields = line.split(' ').skip(4);
        Some((fields.next()?.to_string(), fields.next()?.to_string()))
    };
    text.lines().filter_map(of).collect()
}

fn is_read_only(mounts: &[(String, String)], point: &str) -> Option<bool> {
    let last = mounts.iter().rfind(|(at, _)| at == point)?;
    Some(last.1.split(',').any(|option| option == "ro"))
}

#[test]
fn paths_of_the_machine_are_covered() {
    if !needs(&BOX) {
        return;
    }
    let covered = running(&[]);
    let mounts_on = mounts(&covered.process());
    for point in ["/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs"] {
        if fs::exists(point).unwrap() {
            assert_eq!(is_read_only(&mounts_on, point), Some(true), "{point}");
        }
    }
    for point in
        ["/proc/kcore", "/proc/keys", "/proc/interrupts", "/proc/timer_list", "/sys/firmware"]
    {
        if fs::exists(point).unwrap() {
            assert!(is_read_only(&mounts_on, point).is_some(), "{point}");
        }
    }
    for flags in [["--security-opt", "systempaths=unconfined"].as_slice(), &["--privileged"]] {
        let open = running(flags);
        let mounts = mounts(&open.process());
        let below = mounts.iter().filter(|(at, _)| at.starts_with("/proc/")).count();
        assert_eq!(below, 0, "{flags:?}: {mounts:?}");
    }
}

#[test]
fn nobody_in_a_box_writes_the_settings_of_the_machine() {
    if !needs(&BOX) {
        return;
    }
    let script = "writable /proc/sys/kernel/core_pattern; stat /proc/interrupts";
    let text = said(&[], script);
    assert!(text.contains("core_pattern EROFS"), "{text}");
    assert!(text.contains("rdev 1:3"), "/proc/interrupts is /dev/null: {text}");
}

#[test]
fn a_read_only_root_has_only_what_is_mounted_to_write_to() {
    if !needs(&BOX) {
        return;
    }
    let flags = ["--read-only", "--tmpfs", "/tmp:size=1m,mode=700", "--tmpfs", "/run:ro,exec"];
    let running = running(&flags);
    let mounts = mounts(&running.process());
    let ro = |point| is_read_only(&mounts, point);
    assert_eq!([ro("/"), ro("/tmp"), ro("/run")], [Some(true), Some(false), Some(true)]);
    let options = |point: &str| mounts.iter().rfind(|(at, _)| at == point).unwrap().1.clone();
    assert!(options("/tmp").contains("nosuid,nodev,noexec"), "{}", options("/tmp"));
    assert!(!options("/run").contains("noexec"), "{}", options("/run"));
    let text = said(&flags, "writable /etc/passwd; writable /etc/group");
    assert_eq!(text.matches("EROFS").count(), 2, "{text}");
}

#[test]
fn limits_of_a_process_are_those_that_were_asked_for() {
    if !needs(&BOX) {
        return;
    }
    let running = running(&[
        "--ulimit",
        "nofile=64:128",
        "--ulimit",
        "core=0",
        "-u",
        "1000",
        "--ulimit=nproc=99",
    ]);
    let limits = running.process().read("limits").unwrap();
    let of = |name: &str| {
        let found = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        found.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(of("Max open files"), "64 128");
    assert_eq!(of("Max core file size"), "0 0");
    assert_eq!(of("Max processes"), "99 99");
}

#[test]
fn devices_are_opened_by_number() {
    if !needs(&BOX) || !needs(&[Need::InitialRoot, Need::Mknod]) {
        return;
    }
    let script = "mknod /run/m c 1 250; readable /run/m; mknod /run/n c 1 3; readable /run/n; mknod /run/f c 1 7; writable /run/f";
    let text = said(&["--tmpfs=/run:dev"], script);
    let answers: Vec<_> = text.lines().filter(|line| line.starts_with("/run")).collect();
    assert_eq!(answers, ["/run/m EPERM", "/run/n 0", "/run/f 0"]);
    let text = said(&["--tmpfs=/run:dev", "--device-cgroup-rule=c 1:250 r"], script);
    // It has no driver, and the list is asked first.
    assert!(text.contains("/run/m ENXIO"), "{text}");
    // It need not hold a disk to be opened for reading.
    if needs(&[Need::LoopDevice]) && fs::exists("/dev/loop0").unwrap() {
        let script = "readable /dev/log; writable /dev/log";
        let text = said(&["--device=/dev/loop0:/dev/log:r"], script);
        assert_eq!(text, "/dev/log 0\n/dev/log EPERM\n");
    }
}
