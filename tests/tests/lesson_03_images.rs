//! Lesson 03 on images: what the box mounts goes into its root, wherever a symlink in the image points.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use ground::needs::Need;
use ground::proc::Process;
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access, getuid};
use tests::rooted::{PROBE, can_run, identity, run, sleeper, volumes};
use tests::{Background, NOBODY, Scratch, as_nobody, devices, needs, said};

const L03: &str = "03-chroot";

/// A file in the box, as the host reaches it.
fn inside(running: &Background, path: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{}/root{path}", running.boxed()))
}

fn points(process: &Process) -> Vec<PathBuf> {
    process.mounts().unwrap().into_iter().map(|mount| mount.point).collect()
}

#[test]
fn proc_dev_and_sys_stand_in_the_new_root() {
    if !can_run() {
        return;
    }
    let scratch = Scratch::new();
    let running = sleeper(&scratch.image("image"), &[]);
    let proc = fs::read_dir(inside(&running, "/proc")).unwrap().flatten();
    let names = proc.map(|entry| entry.file_name().into_string().unwrap());
    let numbers: Vec<_> = names.filter(|name| name.parse::<u32>().is_ok()).collect();
    assert_eq!(numbers, ["1"]);
    assert_eq!(devices::below(&inside(&running, "/dev")), devices::EXPECTED);
    assert!(inside(&running, "/sys/kernel").is_dir());
    assert_eq!(access(&inside(&running, "/sys"), AccessFlags::W_OK), Err(Errno::EROFS));
}

#[test]
fn nothing_is_left_in_the_directory_that_was_the_root() {
    if !can_run() {
        return;
    }
    let scratch = Scratch::new();
    let image = scratch.image("image");
    let before = scratch.listing("image");
    said(&mut run(&image, &[], &["pid"]));
    assert_eq!(scratch.listing("image"), before);
}

#[test]
fn an_image_without_proc_dev_and_sys_gets_empty_directories() {
    if !can_run() {
        return;
    }
    let scratch = Scratch::new();
    let image = scratch.image("image");
    let names = ["proc", "dev", "sys"];
    names.iter().for_each(|name| fs::remove_dir(scratch.at(&format!("image/{name}"))).unwrap());
    assert!(said(&mut run(&image, &[], &["report"])).contains("proc-self 1\n"));
    for name in names {
        assert!(scratch.listing(&format!("image/{name}")).is_empty());
    }
}

#[test]
fn a_volumes_destination_is_made_when_missing_and_of_the_sources_kind() {
    if !can_run() {
        return;
    }
    let scratch = Scratch::new();
    let image = scratch.image("image");
    let (dir, file) = (scratch.dir("lent"), scratch.file("letter", "lent\n"));
    let lent = [&*format!("{dir}:/made/dir"), &format!("{file}:/made/deep/file:ro")];
    let running = sleeper(&image, &volumes(&lent));
    assert_eq!(identity(inside(&running, "/made/dir")), identity(&dir));
    assert_eq!(identity(inside(&running, "/made/deep/file")), identity(&file));
    assert!(Path::new(&image).join("made/dir").is_dir());
    assert_eq!(scratch.read("image/made/deep/file"), "", "an empty file to mount on");
}

/// An image in which `link` leads, by many `..`, to what is on the host the directory `victim`. The image has a directory
/// of this name as well, and there the link ends for who cannot leave the image.
struct Trap {
    scratch: Scratch,
    image: String,
    victim: String,
}

impl Trap {
    fn new(link: &str) -> Trap {
        let scratch = Scratch::new();
        let (image, victim) = (scratch.image("image"), scratch.dir("victim"));
        scratch.dir(&format!("image{victim}"));
        let _ = fs::remove_dir(scratch.at(&format!("image/{link}")));
        scratch.link(&format!("image/{link}"), &format!("../../../../../../../..{victim}"));
        Trap { scratch, image, victim }
    }

    /// The host has neither files nor mounts there; and the box has, of its own.
    #[track_caller]
    fn leads_into(&self, running: &Background, point: &str) {
        assert_eq!(self.scratch.listing("victim"), Vec::<PathBuf>::new());
        let of_the_host = points(&Process::of(running.pid()));
        assert!(!of_the_host.iter().any(|at| at.starts_with(&self.victim)), "{of_the_host:?}");
        let of_the_box = points(&running.process());
        assert!(of_the_box.contains(&point.into()), "no {point} in {of_the_box:?}");
    }
}

#[test]
fn a_symlink_in_the_image_cannot_lead_proc_dev_or_sys_to_the_host() {
    if !can_run() {
        return;
    }
    for link in ["proc", "dev", "sys"] {
        let trap = Trap::new(link);
        trap.leads_into(&sleeper(&trap.image, &[]), &trap.victim);
    }
}

#[test]
fn a_symlink_in_the_image_cannot_lead_a_volume_to_the_host() {
    if !can_run() {
        return;
    }
    let trap = Trap::new("data");
    let lent = trap.scratch.dir("lent");
    for below in ["", "/made", "/made/deeper"] {
        let running = sleeper(&trap.image, &["-v", &format!("{lent}:/data{below}")]);
        trap.leads_into(&running, &format!("{}{below}", trap.victim));
    }
}

#[test]
fn a_link_through_a_descriptor_cannot_lead_a_volume_to_the_host() {
    if !can_run() {
        return;
    }
    let scratch = Scratch::new();
    let (image, victim) = (scratch.image("image"), scratch.dir("victim"));
    let lent = scratch.dir("lent");
    let mut refusals = 0;
    // One of them is the descriptor of the old root, by which the box will go back for pivot_root.
    for fd in 3..20 {
        scratch.link(&format!("image/link{fd}"), &format!("/proc/self/fd/{fd}{victim}"));
        let volume = format!("{lent}:/link{fd}/made");
        let output = run(&image, &["-v", &volume], &["pid"]).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(125), "{errors}");
        refusals += usize::from(errors.contains("ELOOP"));
        assert_eq!(scratch.listing("victim"), Vec::<PathBuf>::new());
    }
    assert_ne!(refusals, 0, "none of these numbers was open");
}

#[test]
fn rootless_runs_in_an_image_of_an_ordinary_user() {
    if !needs(&[Need::UserNamespaces, Need::Clone3, Need::MountApi, Need::MountSetattr]) {
        return;
    }
    let scratch = Scratch::new();
    let image = scratch.image("image");
    let args = ["--rootless", "run", "--no-card", "--rootfs", &image, PROBE, "trap"];
    let mut running = Background::of(&mut as_nobody(L03, &args));
    assert_eq!(running.line(), "ready");
    assert_eq!(identity(inside(&running, "/.")), identity(&image));
    assert_eq!(identity(inside(&running, "/..")), identity(&image));
    assert_eq!(devices::below(&inside(&running, "/dev")), devices::EXPECTED);
    assert_eq!(running.process().status().unwrap().nspid.last(), Some(&1));
}

#[test]
fn rootless_runs_in_the_default_root() {
    if !needs(&[Need::UserNamespaces, Need::Clone3, Need::MountApi, Need::MountSetattr]) {
        return;
    }
    let scratch = Scratch::new();
    let runtime = scratch.dir("runtime");
    if getuid().is_root() {
        chown(&runtime, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let script = "echo $$ $(id -u); touch /made; mkdir /sys/made 2>/dev/null || echo refused";
    let args = ["--rootless", "run", "--no-card", "sh", "-c", script];
    let text = said(as_nobody(L03, &args).env("XDG_RUNTIME_DIR", &runtime));
    assert_eq!(text, "1 0\nrefused\n");
    let made = scratch.listing("runtime").into_iter().find(|path| path.ends_with("made"));
    let owner = fs::metadata(made.expect("the root is the user's own")).unwrap().uid();
    assert_eq!(owner, if getuid().is_root() { NOBODY } else { getuid().as_raw() });
}
