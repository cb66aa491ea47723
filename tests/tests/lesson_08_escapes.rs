//! Ways out of lesson 08's default box, tried from outside with no flag at all.

use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::Command;

use ground::needs::Need;
use tests::refusal::says;
use tests::sealed::{BOX, ended, running};
use tests::{Background, Scratch, binary, lesson, needs, program};

const L08: &str = "08-caps";

/// What the probe says in the default box, errors included.
fn tried(script: &str) -> String {
    let output = ended(&[], script);
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn no_chroot_leads_out_of_the_default_box() {
    if !needs(&BOX) {
        return;
    }
    let scratch = Scratch::new();
    let marker = scratch.file("marker", "this file is on the host");
    for way in ["escape-chroot", "escape-held-fd"] {
        let text = tried(&format!("{way} {marker}"));
        assert!(text.contains("marker ENOENT"), "{way}: {text}");
    }
}

#[test]
fn files_that_act_on_the_whole_machine_cannot_be_opened_for_writing() {
    if !needs(&BOX) {
        return;
    }
    for file in
        ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sysrq-trigger"]
    {
        let text = tried(&format!("open-write {file}"));
        assert!(text.contains("= -1 E"), "{file}: {text}");
    }
    // Of v1 each hierarchy has one in its root directory; a box sees its own group, read-only.
    for controller in ["memory", "cpu", "devices", "systemd", "unified"] {
        let text = tried(&format!("open-write /sys/fs/cgroup/{controller}/release_agent"));
        assert!(text.contains("= -1 E"), "{controller}: {text}");
    }
}

#[test]
fn the_disk_of_the_host_has_no_usable_node() {
    if !(needs(&BOX) && needs(&[Need::Mknod, Need::LoopDevice])) {
        return;
    }
    let scratch = Scratch::new();
    let image = scratch.image("image");
    let script = "mknod /disk b 7 0; first-line /disk";
    let run = ["run", "--no-card", "--network", "none", "--rootfs", &image];
    let args = [&run[..], &["/bxw-probe", "script", script]].concat();
    let output = lesson(L08).args(args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("= -1 EPERM") && !text.contains("\nline "), "{text}");
}

#[test]
fn no_file_is_opened_by_its_handle() {
    if !needs(&BOX) {
        return;
    }
    // The capability is asked for before the handle is looked at.
    let text = tried("open-handle / 1:0123456789abcdef");
    assert!(text.contains("open_by_handle_at(/) = -1 EPERM"), "{text}");
}

#[test]
fn a_working_directory_is_no_link_of_proc() {
    if !needs(&BOX) {
        return;
    }
    for link in ["/proc/self/fd/9", "/proc/self/cwd", "/proc/1/root"] {
        let script = "exec 9</; exec \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg(binary(L08)).args([
            "run",
            "--network",
            "none",
            "-w",
            link,
            "true",
        ]);
        says(&command.output().unwrap(), 125, &["ELOOP", link, "lead out of the box"]);
    }
}

/// runc bound the /dev/null that it found in the image over what it wanted to hide, and wrote where a link led it.
#[test]
fn masks_are_made_of_nothing_that_an_image_or_a_volume_brings() {
    if !needs(&BOX) {
        return;
    }
    let scratch = Scratch::new();
    let image = scratch.image("image");
    let link = |name: &str, target: &str| symlink(target, format!("{image}/{name}")).unwrap();
    let run = |flags: &[&str], script: &str| {
        let rootfs = ["run", "--no-card", "--network", "none", "--rootfs", &image];
        let args = [&rootfs[..], flags, &["/bxw-probe", "script", script]].concat();
        lesson(L08).args(args).output().unwrap()
    };
    link("dev/null", "/proc/sys/kernel/core_pattern");
    link("dev/console", "/proc/sysrq-trigger");
    link("dev/pts", "/proc");
    let covered = run(&[], "stat /proc/interrupts; writable /proc/sys/kernel/core_pattern");
    let text = String::from_utf8(covered.stdout).unwrap();
    assert!(text.contains("rdev 1:3") && text.contains("core_pattern EROFS"), "{text}");

    let volume = format!("{}:/dev/null", scratch.file("null", "of the host"));
    says(&run(&["-v", &volume], "pid"), 125, &["/dev/null of the box is another file"]);
    let links =
        [("proc", "/sys", "ENOTDIR"), ("sys", "/proc", "ENOTDIR"), ("dev", "/proc", "ELOOP")];
    for (mount, target, errno) in links {
        let (own, aside) = (format!("{image}/{mount}"), format!("{image}/aside"));
        fs::rename(&own, &aside).unwrap();
        link(mount, target);
        says(&run(&[], "pid"), 125, &[&format!("/{mount}"), errno]);
        fs::remove_file(&own).unwrap();
        fs::rename(&aside, &own).unwrap();
    }
}

#[test]
fn who_joins_a_box_cannot_be_traced_by_it() {
    if !(needs(&BOX) && needs(&[Need::InitialRoot]) && program("nsenter")) {
        return;
    }
    let run = ["run", "--no-card", "--network", "none"];
    let args =
        [&run[..], &["/bin/probe", "script", "pid; wait-for /proc/2/stat; ptrace 2"]].concat();
    let mut attacker = Background::start(L08, &args);
    assert_eq!(attacker.line(), "pid 1");
    let mut join = Command::new("nsenter");
    join.args([&format!("--target={}", attacker.boxed()), "--pid", "sleep", "60"]);
    let joined = Background::of(&mut join);
    let said = [attacker.line(), attacker.line()];
    assert!(said.iter().any(|line| line == "call ptrace(PTRACE_SEIZE, 2) = -1 EPERM"), "{said:?}");
    drop(joined);
}

#[test]
fn an_abstract_socket_of_the_host_is_out_of_reach() {
    if !(needs(&BOX) && needs(&[Need::InitialRoot, Need::Veth])) {
        return;
    }
    let name = format!("bxw-{}-test-{}", ground::host::owner(), std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let daemon = UnixListener::bind_addr(&address).unwrap();
    let text = tried(&format!("abstract-connect {name}"));
    assert!(text.contains("ECONNREFUSED"), "{text}");
    let args = ["run", "--no-card", "--network", "host", "/bin/probe", "abstract-connect", &name];
    let output = lesson(L08).args(args).output().unwrap();
    assert!(output.status.success(), "with the host's network it is reached");
    drop(daemon);
}

#[test]
fn the_kernel_holds_every_protection_of_a_running_box() {
    if !needs(&BOX) {
        return;
    }
    let running = running(&[]);
    let mounts = running.process().mounts().unwrap();
    let read_only = |at: &str| {
        let mount = mounts.iter().rev().find(|mount| mount.point.as_os_str() == at);
        mount.is_some_and(|mount| mount.options.iter().any(|option| option == "ro"))
    };
    assert!(["/proc/sys", "/sys", "/sys/fs/cgroup"].iter().all(|at| read_only(at)));
}

#[test]
fn the_runtime_that_joins_a_box_cannot_be_opened_by_it() {
    if !(needs(&BOX) && needs(&[Need::InitialRoot])) {
        return;
    }
    let output = lesson(L08).args(["--plain", "experiment", "escape-runtime"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("our own program, /proc/2/exe: EACCES"), "{text}");
    assert!(output.status.success(), "{text}");
}
