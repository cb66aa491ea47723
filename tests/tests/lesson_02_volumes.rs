//! Volumes of lesson 02: what the host lends to a box, seen from both sides.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use ground::needs::Need;
use ground::proc::Process;
use ground::proc::mountinfo::{Mount, topmost};
use nix::unistd::Pid;
use tests::rooted::{self, can_run, identity};
use tests::{
    Background, NOBODY, Scratch, as_nobody, binary, mount_in_namespace_of, needs, on_shared_mounts,
    program, said,
};

const L02: &str = "02-mount-ns";

/// `run -v VOLUME… sh -c SCRIPT` on a host that `setup` prepares.
fn command(setup: &str, volumes: &[&str], script: &str) -> Command {
    let flags = rooted::volumes(volumes);
    on_shared_mounts(
        setup,
        L02,
        &[&["run", "--no-card"], &flags[..], &["sh", "-c", script]].concat(),
    )
}

/// A box that has run `script` and stays.
fn sleeper(setup: &str, volumes: &[&str], script: &str) -> Background {
    let script = format!("{script}\necho ready; exec sleep 60");
    let mut running = Background::of(&mut command(setup, volumes, &script));
    assert_eq!(running.line(), "ready");
    running
}

/// Device and inode of a file in the box.
fn inside(pid: Pid, path: &str) -> (u64, u64) {
    identity(format!("/proc/{pid}/root{path}"))
}

fn mount_at(process: &Process, point: &str) -> Option<Mount> {
    topmost(&process.mounts().unwrap(), Path::new(point)).cloned()
}

fn is_read_only(process: &Process, point: &str) -> bool {
    let mount = mount_at(process, point).unwrap_or_else(|| panic!("no mount at {point}"));
    mount.options.contains(&"ro".to_string())
}

/// A source and a destination.
struct Ends {
    scratch: Scratch,
    source: String,
    at: String,
}

impl Ends {
    fn new() -> Ends {
        let scratch = Scratch::new();
        let (source, at) = (scratch.dir("source"), scratch.dir("at"));
        scratch.dir("source/below");
        Ends { scratch, source, at }
    }

    fn volume(&self) -> String {
        format!("{}:{}", self.source, self.at)
    }

    /// Mounts a tmpfs on the host, below the source, with a file in it.
    fn mount_below(&self) -> String {
        let below = format!("{}/below", self.source);
        format!("mount -t tmpfs none {below}; echo hidden > {below}/file")
    }

    /// Tries to make a file in the volume, and one in the mount below it.
    fn write_both(&self) -> String {
        let probe = binary("bxw-probe").to_string_lossy().into_owned();
        let write = |file: &str| format!("{probe} write {}/{file} text 2>&1;", self.at);
        [write("one"), write("below/two"), "true".into()].concat()
    }
}

#[test]
fn a_volume_is_the_hosts_directory_and_what_the_box_writes_arrives() {
    if !can_run() {
        return;
    }
    let ends = Ends::new();
    let running = sleeper("", &[&ends.volume()], &format!("echo from the box > {}/new", ends.at));
    assert_eq!(inside(running.boxed(), &ends.at), identity(&ends.source));
    assert_eq!(ends.scratch.read("source/new"), "from the box\n");
    assert!(
        !Path::new(&ends.at).join("new").exists(),
        "the host's destination is covered in the box only"
    );
}

#[test]
fn what_is_mounted_below_the_source_comes_along() {
    if !can_run() {
        return;
    }
    let ends = Ends::new();
    let script = format!("cat {}/below/file", ends.at);
    let text = said(&mut command(&ends.mount_below(), &[&ends.volume()], &script));
    assert_eq!(text, "hidden\n");
}

#[test]
fn read_only_is_erofs_also_in_a_mount_below_the_source() {
    if !can_run() {
        return;
    }
    let ends = Ends::new();
    let volume = format!("{}:ro", ends.volume());
    let text = said(&mut command(&ends.mount_below(), &[&volume], &ends.write_both()));
    let refused = text.lines().filter(|line| line.contains("EROFS")).count();
    assert_eq!((refused, text.lines().count()), (2, 2), "{text}");
}

#[test]
fn a_volume_can_be_written_when_it_says_nothing_or_rw() {
    if !can_run() {
        return;
    }
    for option in ["", ":rw"] {
        let ends = Ends::new();
        let volume = format!("{}{option}", ends.volume());
        let text = said(&mut command(&ends.mount_below(), &[&volume], &ends.write_both()));
        assert_eq!(text.matches(" = 0").count(), 2, "{text}");
        assert_eq!(ends.scratch.read("source/one"), "text\n");
    }
}

#[test]
fn a_read_only_volume_stays_writable_on_the_host() {
    if !can_run() {
        return;
    }
    let ends = Ends::new();
    let running = sleeper(&ends.mount_below(), &[&format!("{}:ro", ends.volume())], "");
    let below = |end: &str| format!("{end}/below");
    assert!(is_read_only(&running.process(), &ends.at));
    assert!(is_read_only(&running.process(), &below(&ends.at)));
    assert!(!is_read_only(&Process::of(running.pid()), &below(&ends.source)));
}

#[test]
fn a_mount_made_in_a_volume_does_not_appear_on_the_host() {
    if !can_run() {
        return;
    }
    let ends = Ends::new();
    let probe = binary("bxw-probe");
    let script = format!("{} mount-tmpfs {}/below >&2", probe.display(), ends.at);
    let running = sleeper("", &[&ends.volume()], &script);
    assert!(mount_at(&running.process(), &format!("{}/below", ends.at)).is_some());
    let source = format!("{}/below", ends.source);
    assert!(mount_at(&Process::of(running.pid()), &source).is_none(), "it leaks");
}

#[test]
fn a_mount_made_on_the_host_later_does_not_appear_in_a_volume() {
    if !(can_run() && program("nsenter")) {
        return;
    }
    let ends = Ends::new();
    let running = sleeper("", &[&ends.volume()], "");
    let source = format!("{}/below", ends.source);
    mount_in_namespace_of(running.pid(), &source);
    assert!(mount_at(&Process::of(running.pid()), &source).is_some());
    assert!(mount_at(&running.process(), &format!("{}/below", ends.at)).is_none(), "it leaks");
}

#[test]
fn a_source_that_is_a_symlink_is_what_it_leads_to() {
    if !can_run() {
        return;
    }
    let ends = Ends::new();
    let link = ends.scratch.link("link", "source");
    let running = sleeper("", &[&format!("{link}:{}", ends.at)], "");
    assert_eq!(inside(running.boxed(), &ends.at), identity(&ends.source));
}

#[test]
fn a_file_goes_onto_a_file() {
    if !can_run() {
        return;
    }
    let scratch = Scratch::new();
    let (source, at) = (scratch.file("source", "lent\n"), scratch.file("at", "own\n"));
    let text = said(&mut command("", &[&format!("{source}:{at}:ro")], &format!("cat {at}")));
    assert_eq!(text, "lent\n");
    assert_eq!(scratch.read("at"), "own\n");
}

#[test]
fn a_later_volume_may_stand_in_an_earlier_one() {
    if !can_run() {
        return;
    }
    let ends = Ends::new();
    ends.scratch.dir("second");
    ends.scratch.file("second/name", "second\n");
    ends.scratch.file("source/name", "first\n");
    let second = format!("{}:{}/below", ends.scratch.at("second"), ends.at);
    let script = format!("cat {0}/name {0}/below/name", ends.at);
    let text = said(&mut command("", &[&ends.volume(), &second], &script));
    assert_eq!(text, "first\nsecond\n");
}

#[test]
fn names_with_blanks_newlines_and_other_letters_are_taken_as_they_are() {
    if !can_run() {
        return;
    }
    let scratch = Scratch::new();
    let (source, at) = (scratch.dir("a source\nof été"), scratch.dir("-v \\040"));
    let running = sleeper("", &[&format!("{source}:{at}")], "");
    assert_eq!(inside(running.boxed(), &at), identity(&source));
    assert!(mount_at(&running.process(), &at).is_some());
}

#[test]
fn rootless_a_volume_is_lent_and_read_only_too() {
    if !needs(&[Need::UserNamespaces, Need::Clone3, Need::MountApi, Need::MountSetattr]) {
        return;
    }
    let ends = Ends::new();
    ends.scratch.open_to_all("source", 0o777);
    ends.scratch.file("source/lent", "lent\n");
    let probe = binary("bxw-probe");
    let script =
        format!("cat {0}/lent; {1} write {0}/mine text 2>&1; true", ends.at, probe.display());
    for (option, arrives) in [(":ro", false), ("", true)] {
        let volume = format!("{}{option}", ends.volume());
        let args = ["--rootless", "run", "--no-card", "-v", &volume, "sh", "-c", &script];
        let text = said(&mut as_nobody(L02, &args));
        assert!(text.starts_with("lent\n"), "{text}");
        assert_eq!(text.contains("EROFS"), !arrives, "{text}");
        assert_eq!(Path::new(&ends.source).join("mine").exists(), arrives);
    }
    if nix::unistd::getuid().is_root() {
        let mine = fs::metadata(Path::new(&ends.source).join("mine")).unwrap();
        assert_eq!(mine.uid(), NOBODY, "root of the box is nobody new outside");
    }
}
