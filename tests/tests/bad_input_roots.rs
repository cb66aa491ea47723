//! Bad input for `--rootfs`, `--workdir` and the command in a root of its own: one clear line, the right status, and
//! nothing changed on the host.

use ground::needs::Need;
use tests::refusal::{leaving_nothing, refused, says};
use tests::rooted::{NEEDS, PROBE};
use tests::{Scratch, as_nobody, lesson, needs};

const L03: &str = "03-chroot";

/// `run --rootfs ROOT PROBE pid`, refused with 125.
#[track_caller]
fn root_is_refused(root: &str, words: &[&str]) {
    refused(L03, &["run", "--no-card", "--rootfs", root, PROBE, "pid"], 125, words);
}

#[test]
fn a_root_must_be_a_directory_that_is_there() {
    if !needs(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    let file = scratch.file("file", "");
    scratch.link("dangling", "nowhere");
    leaving_nothing(|| {
        root_is_refused("", &["--rootfs", "value is required"]);
        root_is_refused(&file, &["open root", "ENOTDIR", "a root must be a directory"]);
        root_is_refused(&format!("{file}/below"), &["ENOTDIR"]);
        root_is_refused(&scratch.at("none"), &["open root", "ENOENT"]);
        root_is_refused(&scratch.at("dangling"), &["ENOENT"]);
        root_is_refused("/no\nsuch\\0root", &["ENOENT", "/no\\nsuch\\0root"]);
        root_is_refused(&"/x".repeat(2100), &["ENAMETOOLONG"]);
        refused(L03, &["run", "--rootfs"], 125, &["--rootfs", "value is required"]);
    });
}

#[test]
fn the_hosts_own_root_is_refused() {
    if !needs(&NEEDS) {
        return;
    }
    leaving_nothing(|| root_is_refused("/", &["pivot_root", "EBUSY", "name another directory"]));
}

#[test]
fn a_root_that_is_closed_to_the_user_is_named() {
    if !needs(&[Need::UserNamespaces, Need::InitialRoot, Need::Clone3, Need::MountSetattr]) {
        return;
    }
    let scratch = Scratch::new();
    let (closed, bare) = (scratch.image("closed"), scratch.image("bare"));
    scratch.open_to_all("closed", 0o700);
    std::fs::remove_dir(scratch.at("bare/proc")).unwrap();
    leaving_nothing(|| {
        let is_refused = |root: &str, words: &[&str]| {
            let args = ["--rootless", "run", "--rootfs", root, PROBE, "pid"];
            says(&as_nobody(L03, &args).output().unwrap(), 125, words);
        };
        is_refused(&closed, &["open root", "EACCES", "owner and mode"]);
        is_refused(&bare, &["make directory /proc", "EACCES"]);
    });
    assert!(!scratch.listing("bare").contains(&scratch.at("bare/proc").into()));
}

#[test]
fn a_mount_point_that_is_a_file_is_named() {
    if !needs(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    let image = scratch.image("image");
    std::fs::remove_dir(scratch.at("image/proc")).unwrap();
    scratch.file("image/proc", "");
    leaving_nothing(|| root_is_refused(&image, &["mount proc on /proc", "ENOTDIR"]));
}

#[test]
fn without_a_probe_there_is_no_default_root() {
    if !needs(&NEEDS) {
        return;
    }
    leaving_nothing(|| {
        let output = lesson(L03).args(["run", "true"]).env("BXW_PROBE", "/no/such").output();
        says(&output.unwrap(), 125, &["no probe at /no/such", "BXW_PROBE"]);
    });
}

#[test]
fn a_workdir_must_be_a_directory_of_the_box() {
    if !needs(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    let image = scratch.image("image");
    // On the host it is there.
    let outside = scratch.dir("outside");
    leaving_nothing(|| {
        let is_refused = |dir: &str, words: &[&str]| {
            let args = ["run", "--rootfs", &image, "-w", dir, PROBE, "pid"];
            refused(L03, &args, 125, words);
        };
        is_refused("/none", &["chdir /none", "ENOENT", "no such directory in the box"]);
        is_refused("a\nb", &["chdir a\\nb", "ENOENT"]);
        is_refused(&outside, &["chdir", "ENOENT"]);
        is_refused(PROBE, &["chdir /bxw-probe", "ENOTDIR"]);
        is_refused("", &["--workdir", "value is required"]);
    });
}

#[test]
fn a_command_is_looked_for_in_the_box() {
    if !needs(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    let image = scratch.image("image");
    let outside = scratch.program("outside", "#!/bin/sh\n");
    scratch.file("image/text", "no program");
    scratch.program("image/junk", "no program");
    leaving_nothing(|| {
        let is_refused = |command: &str, status: i32, words: &[&str]| {
            refused(L03, &["run", "--rootfs", &image, command], status, words);
        };
        is_refused("none", 127, &["execve none", "ENOENT", "no such command in the box"]);
        is_refused("/none", 127, &["execve /none", "ENOENT"]);
        is_refused("/a\nb", 127, &["execve /a\\nb", "ENOENT"]);
        is_refused(&outside, 127, &["ENOENT", "no such command in the box"]);
        is_refused("/bxw-probe/below", 127, &["execve /bxw-probe/below"]);
        is_refused("/dev", 126, &["execve /dev", "EACCES"]);
        is_refused("/text", 126, &["execve /text", "EACCES", "not an executable"]);
        is_refused("/junk", 126, &["execve /junk", "ENOEXEC"]);
        is_refused("", 125, &["the command is empty"]);
    });
}

#[test]
fn a_program_whose_loader_is_missing_in_the_box_says_so() {
    if !needs(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    let image = scratch.image("image");
    scratch.program("image/script", "#!/no/such/shell\n");
    scratch.program("image/dynamic", dynamic_program());
    for name in ["script", "dynamic"] {
        let command = format!("/{name}");
        let words = [&*command, "ENOENT", "the interpreter or loader that it names"];
        leaving_nothing(|| refused(L03, &["run", "--rootfs", &image, &command], 127, &words));
    }
}

/// The least that execve(2) takes for a 64-bit program of this machine that needs a loader: see elf(5). Its header is that of the
/// test itself, which differs from machine to machine.
fn dynamic_program() -> Vec<u8> {
    let exe = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    assert_eq!(exe[4], 2, "ELFCLASS64");
    let loader = b"/no/such/loader\0";
    let (header, entry, interp) = (64_u64, 56_u16, 3_u32);
    let mut program = exe[..header as usize].to_vec();
    // Where the program headers begin, how long one is, how many there are.
    program[32..40].copy_from_slice(&header.to_ne_bytes());
    program[54..56].copy_from_slice(&entry.to_ne_bytes());
    program[56..58].copy_from_slice(&1_u16.to_ne_bytes());
    // The only one, PT_INTERP: flags, then offset, two addresses, two lengths, alignment.
    program.extend([interp, 4].map(u32::to_ne_bytes).concat());
    let length = loader.len() as u64;
    let numbers = [header + u64::from(entry), 0, 0, length, length, 1];
    program.extend(numbers.map(u64::to_ne_bytes).concat());
    program.extend(loader);
    program
}
