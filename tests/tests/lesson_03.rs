//! Lesson 03 seen from outside: where the box's `/` is, and that nothing leads out of it.
//!
//! The boxes are started on a host where every mount is shared, as under systemd.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ground::ledger;
use ground::proc::Process;
use ground::proc::mountinfo::Mount;
use ground::story::Event;
use tests::rooted::{NEEDS, PROBE, can_run, identity, run, sleeper};
use tests::{Background, Scratch, guest, lesson, needs, on_shared_mounts, program, said, story};

const L03: &str = "03-chroot";

fn inside(running: &Background, path: &str) -> (u64, u64) {
    identity(format!("/proc/{}/{path}", running.boxed()))
}

#[test]
fn root_is_the_directory_that_was_named() {
    if !can_run() {
        return;
    }
    let scratch = Scratch::new();
    let image = scratch.image("image");
    let running = sleeper(&image, &[]);
    assert_eq!(inside(&running, "root/."), identity(&image));
    assert_ne!(inside(&running, "root/."), identity("/"));
    assert_eq!(inside(&running, "cwd/."), identity(&image));
}

#[test]
fn the_mount_namespace_holds_no_mount_of_the_host() {
    if !(can_run() && program("nsenter")) {
        return;
    }
    let scratch = Scratch::new();
    let running = sleeper(&scratch.image("image"), &[]);
    // A jailed process would not be shown what is outside its own root, a guest is.
    let guest = guest(running.boxed(), PROBE);
    let mounts = Process::of(guest.pid()).mounts().unwrap();
    let points: Vec<_> = mounts.iter().map(|mount| mount.point.as_path()).collect();
    let roots: Vec<&Mount> = mounts.iter().filter(|m| m.point == Path::new("/")).collect();
    assert_eq!(roots.len(), 1, "{points:?}");
    assert!(roots[0].root.ends_with("image"), "{:?}", roots[0]);
    let expected = ["/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys"];
    let expected: BTreeSet<_> = expected.map(Path::new).into();
    let others = points.iter().filter(|point| !expected.contains(*point)).count();
    assert_eq!(others, 1, "{points:?}");
}

#[test]
fn above_the_root_is_the_root_itself() {
    if !can_run() {
        return;
    }
    let scratch = Scratch::new();
    let image = scratch.image("image");
    // Asked from outside, `..` is not stopped by the root of the process but by that of the namespace alone.
    assert_eq!(inside(&sleeper(&image, &[]), "root/.."), identity(&image));
    let seen = said(&mut run(&image, &[], &["script", "stat /; stat /.."]));
    let inodes: Vec<_> = seen.lines().filter(|line| line.starts_with("inode ")).collect();
    assert_eq!(inodes[0], inodes[1]);
}

#[test]
fn no_descriptor_of_the_box_leads_out() {
    if !can_run() {
        return;
    }
    let scratch = Scratch::new();
    let running = sleeper(&scratch.image("image"), &[]);
    let entries = fs::read_dir(format!("/proc/{}/fd", running.boxed())).unwrap().flatten();
    for entry in entries {
        let file = fs::metadata(entry.path()).unwrap();
        let number: u32 = entry.file_name().to_str().unwrap().parse().unwrap();
        // The probe has made itself a pipe.
        let to = fs::read_link(entry.path()).unwrap();
        let harmless = number <= 2 || to.to_string_lossy().starts_with("pipe:");
        assert!(harmless && !file.is_dir(), "{number} is {}", to.display());
    }
}

#[test]
fn break_outs_of_a_jail_end_in_the_box() {
    if !can_run() {
        return;
    }
    let scratch = Scratch::new();
    let (image, marker) = (scratch.image("image"), scratch.file("marker", "on the host\n"));
    let root = identity(&image);
    let root = format!("root-after {}:{}\n", root.0, root.1);
    let attack = |verb: &[&str]| {
        let text = said(&mut run(&image, &[], verb));
        assert!(text.contains(&root), "{verb:?}: {text}");
        assert!(text.contains("marker ENOENT\n"), "{verb:?}: {text}");
    };
    attack(&["escape-chroot", &marker]);
    attack(&["escape-held-fd", &marker]);
    (3..16).for_each(|fd| attack(&["escape-fd", &fd.to_string(), &marker]));
}

#[test]
fn a_jail_made_by_chroot_is_left_by_the_same_break_outs() {
    if !needs(&NEEDS) {
        return;
    }
    let (events, status) = story(L03, &["experiment", "two-ways-out"]);
    assert_eq!(status, 0);
    let verdict = |event| match event {
        Event::Verdict { claims, .. } => claims.get("C057").map(|verdict| verdict.word()),
        _ => None,
    };
    let ledger = ledger::find("C057").expect("it is in the ledger").verdict;
    assert_eq!(events.into_iter().find_map(verdict), Some(ledger));
}

#[test]
fn the_command_begins_in_the_directory_of_workdir() {
    if !can_run() {
        return;
    }
    let scratch = Scratch::new();
    let image = scratch.image("image");
    let begin = scratch.dir("image/a/b");
    for [flag, dir] in [["--workdir", "/a/b"], ["-w", "a/b"], ["-w", "/../a/./b/"]] {
        let running = sleeper(&image, &[flag, dir]);
        assert_eq!(inside(&running, "cwd/."), identity(&begin), "{dir}");
    }
}

#[test]
fn the_default_root_has_a_shell_and_tools_and_the_hosts_kernel() {
    if !can_run() {
        return;
    }
    let script =
        "uname -r; ls / >/dev/null && cat /proc/self/comm && echo $((6 * 7)); bxw-probe pid";
    let args = ["run", "--no-card", "sh", "-c", script];
    let text = said(&mut on_shared_mounts("", L03, &args));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[..3], [kernel.trim(), "cat", "42"], "{text}");
    assert!(lines[3].starts_with("pid "), "{text}");
}

#[test]
fn commands_are_looked_for_along_the_boxs_path_and_not_the_callers() {
    if !needs(&NEEDS) {
        return;
    }
    let path = format!("/on/the/host:{}", std::env::var("PATH").unwrap());
    let mut command = lesson(L03);
    command.args(["run", "--no-card", "sh", "-c", "echo $PATH"]).env("PATH", path);
    let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(text.contains("/usr/bin:"), "{text}");
    assert!(!text.contains("/on/the/host"), "{text}");
}

#[test]
fn a_root_may_be_relative_or_a_symlink() {
    if !can_run() {
        return;
    }
    let scratch = Scratch::new();
    let image = scratch.image("image");
    scratch.link("link", "image");
    for name in ["image", "./link/", "link/../image", &scratch.at("link")] {
        let mut command = run(name, &[], &["trap"]);
        let mut running = Background::of(command.current_dir(scratch.at(".")));
        assert_eq!(running.line(), "ready", "{name}");
        assert_eq!(inside(&running, "root/."), identity(&image), "{name}");
    }
}

#[test]
fn what_is_mounted_below_the_root_comes_along() {
    if !can_run() {
        return;
    }
    let scratch = Scratch::new();
    let image = scratch.image("image");
    let data = scratch.dir("image/data");
    let setup = format!("mount -t tmpfs none {data}; echo there > {data}/file");
    let args = ["run", "--no-card", "--rootfs", &image, PROBE, "cat", "/data/file"];
    assert_eq!(said(&mut on_shared_mounts(&setup, L03, &args)), "there\n");
}

#[test]
fn the_card_counts_the_root_directory_as_isolated() {
    if !needs(&NEEDS) {
        return;
    }
    let output = lesson(L03).args(["--json", "run", "true"]).output().unwrap();
    let event = serde_json::from_slice(&output.stderr).expect("one line of JSON");
    let Event::Card { rows } = event else { panic!("{event:?}") };
    let row = rows.iter().find(|row| row.thing == "root directory").unwrap();
    assert!(row.isolated, "{row:?}");
}
