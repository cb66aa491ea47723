//! Lesson 02 seen from outside: the mounts of a running box, its `/proc`, `/dev` and `/sys`.
//!
//! Most boxes here are started on a host where every mount is shared: on a host where they are private, a box that forgot
//! to leave its peer groups would look the same.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use ground::needs::Need;
use ground::proc::Process;
use ground::proc::mountinfo::{self, Mount, topmost};
use ground::proc::ns::Namespace;
use nix::errno::Errno;
use nix::unistd::{AccessFlags, Pid, access};
use tests::rooted::{NEEDS, can_run};
use tests::{
    Background, NOBODY, Scratch, as_nobody, binary, devices, lesson, mount_in_namespace_of, needs,
    on_shared_mounts, program, said,
};

const L02: &str = "02-mount-ns";

/// A box that says that it is there and stays; its host is prepared by `setup`.
fn sleeper(setup: &str) -> Background {
    boxed(setup, "echo ready; exec sleep 60")
}

/// A box that runs `script`, of which the first line is `ready`.
fn boxed(setup: &str, script: &str) -> Background {
    let args = ["run", "--no-card", "sh", "-c", script];
    let mut running = Background::of(&mut on_shared_mounts(setup, L02, &args));
    assert_eq!(running.line(), "ready");
    running
}

/// A file in the box, as the host reaches it.
fn inside(pid: Pid, path: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/root{path}"))
}

fn has_mount(process: &Process, point: &str) -> bool {
    process.mounts().unwrap().iter().any(|mount| mount.point == Path::new(point))
}

fn propagations(mounts: &[Mount]) -> Vec<(&Path, &str)> {
    let shown = |mount| (Mount::propagation_word(mount), &mount.point);
    mounts.iter().map(shown).map(|(word, point)| (point.as_path(), word)).collect()
}

/// The box's mounts all stay where they were made.
#[track_caller]
fn all_private(mounts: &[Mount]) {
    let mut others = propagations(mounts);
    others.retain(|(_, word)| *word != "private");
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn mount_namespace_is_new_and_the_rest_is_as_in_lesson_01() {
    if !can_run() {
        return;
    }
    let running = sleeper("");
    let new = [Namespace::Mount, Namespace::Pid, Namespace::Uts, Namespace::Ipc];
    for kind in Namespace::ALL {
        let theirs = running.process().namespace(kind).unwrap();
        let its_lessons = Process::of(running.pid()).namespace(kind).unwrap();
        assert_eq!(theirs != its_lessons, new.contains(&kind), "{kind:?}");
    }
}

#[test]
fn proc_shows_the_processes_of_the_box_and_nobody_else() {
    if !can_run() {
        return;
    }
    let running = sleeper("");
    let names = fs::read_dir(inside(running.boxed(), "/proc")).unwrap().flatten();
    let names = names.map(|entry| entry.file_name().into_string().unwrap());
    let numbers: Vec<_> = names.filter(|name| name.parse::<u32>().is_ok()).collect();
    assert_eq!(numbers, ["1"]);
}

#[test]
fn proc_self_is_the_number_that_getpid_says() {
    if !can_run() {
        return;
    }
    let probe = binary("bxw-probe").to_string_lossy().into_owned();
    let args = ["run", "--no-card", &probe, "report"];
    let report = said(&mut on_shared_mounts("", L02, &args));
    for line in ["pid 1\n", "proc-self 1\n", "proc-entries 1\n"] {
        assert!(report.contains(line), "no {line:?} in {report}");
    }
}

#[test]
fn no_mount_of_the_box_is_shared_where_all_of_the_host_are() {
    if !can_run() {
        return;
    }
    let running = sleeper("");
    let host = Process::of(running.pid()).mounts().unwrap();
    assert!(host.iter().all(|mount| mount.peer_group().is_some()), "{:?}", propagations(&host));
    all_private(&running.process().mounts().unwrap());
}

#[test]
fn device_nodes_of_the_host_that_are_bound_do_not_propagate() {
    if !(can_run() && program("setpriv")) {
        return;
    }
    // Root in a container often lacks CAP_MKNOD; then the box gets the host's nodes.
    let running = sleeper("set -- setpriv --bounding-set=-mknod \"$@\"");
    let mounts = running.process().mounts().unwrap();
    let null = topmost(&mounts, Path::new("/dev/null")).expect("the host's null is mounted");
    assert_eq!(null.root, Path::new("/null"));
    all_private(&mounts);
}

#[test]
fn without_root_no_mount_of_the_box_is_a_slave_of_the_host() {
    if !(can_run() && needs(&[Need::InitialRoot, Need::UserNamespaces]) && program("setpriv")) {
        return;
    }
    // The shell stays: a namespace that has ended has no mounts to be slave of.
    let setup = format!("setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups \"$@\"; exit");
    let args = ["--rootless", "run", "--no-card", "cat", "/proc/self/mountinfo"];
    let table = said(&mut on_shared_mounts(&setup, L02, &args));
    all_private(&mountinfo::parse(&table).unwrap());
}

#[test]
fn a_mount_made_in_the_box_does_not_appear_on_the_host() {
    if !can_run() {
        return;
    }
    let scratch = Scratch::new();
    let point = scratch.dir("point");
    let probe = binary("bxw-probe");
    let script = format!("{} mount-tmpfs {point} >&2; echo ready; exec sleep 60", probe.display());
    let running = boxed("", &script);
    assert!(has_mount(&running.process(), &point));
    assert!(!has_mount(&Process::of(running.pid()), &point), "it leaks");
}

#[test]
fn a_mount_made_on_the_host_later_does_not_appear_in_the_box() {
    if !(can_run() && program("nsenter")) {
        return;
    }
    let scratch = Scratch::new();
    let point = scratch.dir("point");
    let running = sleeper("");
    mount_in_namespace_of(running.pid(), &point);
    assert!(has_mount(&Process::of(running.pid()), &point));
    assert!(!has_mount(&running.process(), &point), "it leaks");
}

#[test]
fn the_hosts_mount_table_stays_as_it_was() {
    if !can_run() {
        return;
    }
    let scratch = Scratch::new();
    let running = sleeper(&format!("cat /proc/self/mountinfo > {}", scratch.at("before")));
    let before = mountinfo::parse(&scratch.read("before")).unwrap();
    assert_eq!(Process::of(running.pid()).mounts().unwrap(), before);
}

#[test]
fn dev_holds_the_expected_nodes_and_no_device_of_the_machine() {
    if !can_run() {
        return;
    }
    // A umask that would take the rights of everybody else.
    let running = sleeper("umask 077");
    assert_eq!(devices::below(&inside(running.boxed(), "/dev")), devices::EXPECTED);
}

#[test]
fn device_nodes_can_be_used() {
    if !can_run() {
        return;
    }
    let running = sleeper("");
    let mut bytes = [1; 4];
    let mut zero = File::open(inside(running.boxed(), "/dev/zero")).unwrap();
    zero.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, [0; 4]);
}

#[test]
fn sys_is_read_only_with_all_that_is_mounted_below() {
    if !can_run() {
        return;
    }
    let running = sleeper("");
    let sys = access(&inside(running.boxed(), "/sys"), AccessFlags::W_OK);
    assert_eq!(sys, Err(Errno::EROFS));
    let mounts = running.process().mounts().unwrap();
    let on_top = |mount: &&Mount| topmost(&mounts, &mount.point).is_some_and(|m| m.id == mount.id);
    for mount in mounts.iter().filter(|mount| mount.point.starts_with("/sys")).filter(on_top) {
        assert!(mount.options.contains(&"ro".to_string()), "{mount:?}");
    }
}

#[test]
fn the_card_counts_the_mount_namespace_as_isolated() {
    if !needs(&NEEDS) {
        return;
    }
    let output = lesson(L02).args(["--json", "run", "true"]).output().unwrap();
    let event = serde_json::from_slice(&output.stderr).expect("one line of JSON");
    let ground::story::Event::Card { rows } = event else { panic!("{event:?}") };
    let isolated = |thing: &str| rows.iter().any(|row| row.thing == thing && row.isolated);
    assert!(isolated("mount namespace"), "{rows:?}");
    assert!(!isolated("root directory"), "{rows:?}");
}

#[test]
fn rootless_furnishes_the_same_tree() {
    if !needs(&[Need::UserNamespaces, Need::Clone3, Need::MountApi, Need::MountSetattr]) {
        return;
    }
    let args = ["--rootless", "run", "--no-card", "sh", "-c", "echo /proc/[0-9]*; exec sleep 60"];
    let mut running = Background::of(&mut as_nobody(L02, &args));
    assert_eq!(running.line(), "/proc/1");
    let boxed = running.boxed();
    assert_eq!(devices::below(&inside(boxed, "/dev")), devices::EXPECTED);
    assert_eq!(access(&inside(boxed, "/sys"), AccessFlags::W_OK), Err(Errno::EROFS));
}
