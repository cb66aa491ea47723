//! Lesson 07, looked at from outside: what a box's root is made of, where its writes go, and how fast it may write.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::process::Output;

use ground::needs::Need;
use ground::proc::mountinfo::topmost;
use tests::refusal::{leaving_nothing, refused, says};
use tests::{Background, Scratch, as_nobody, eventually, lesson, needs};

const L07: &str = "07-overlay";
const NEEDS: [Need; 3] = [Need::Admin, Need::Clone3, Need::Overlay];

fn ran(flags: &[&str], command: &[&str]) -> Output {
    lesson(L07)
        .args([&["run", "--no-card", "--network", "none"], flags, &["--"], command].concat())
        .output()
        .unwrap()
}

#[track_caller]
fn said(flags: &[&str], command: &[&str]) -> String {
    let output = ran(flags, command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A root of one program and a file, and a layer that changes the file.
fn root_and_layer(scratch: &Scratch) -> (String, String) {
    let root = scratch.image("root");
    scratch.file("root/etc", "of the root");
    let layer = scratch.dir("layer");
    scratch.file("layer/etc", "of the layer");
    (root, layer)
}

#[test]
fn the_root_is_an_overlay_of_the_layers_in_order() {
    if !needs(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    let (root, layer) = root_and_layer(&scratch);
    let running = Background::start(
        L07,
        &[
            "run",
            "--no-card",
            "--network",
            "none",
            "--rootfs",
            &root,
            "--layer",
            &layer,
            "/bxw-probe",
            "sleep",
            "60",
        ],
    );
    let mounts = eventually("the box has its root", || {
        let mounts = running.process().mounts().ok()?;
        let root = topmost(&mounts, Path::new("/"))?;
        // The host's own root may be an overlay.
        let named = root.super_options.iter().any(|option| option.contains(&layer));
        (named && root.kind == "overlay").then_some(())?;
        Some(mounts)
    });
    let options = &topmost(&mounts, Path::new("/")).unwrap().super_options;
    let lowers: String = options.iter().filter(|o| o.starts_with("lowerdir")).cloned().collect();
    let (above, below) = (lowers.find(&layer).unwrap(), lowers.rfind(&root).unwrap());
    assert!(above < below, "the uppermost comes first: {lowers}");
    assert!(options.iter().any(|option| option.starts_with("upperdir=")), "{options:?}");
    // Its end need not wait until all that others wrote is on the disk.
    assert!(options.iter().any(|option| option.ends_with("volatile")), "{options:?}");
}

#[test]
fn the_uppermost_layer_is_seen() {
    if !needs(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    let (root, layer) = root_and_layer(&scratch);
    let plain = ["--rootfs", &root, "--overlay"];
    assert_eq!(said(&plain, &["/bxw-probe", "cat", "/etc"]), "of the root");
    let layered = ["--rootfs", &root, "--layer", &layer];
    assert_eq!(said(&layered, &["/bxw-probe", "cat", "/etc"]), "of the layer");
}

#[test]
fn writes_reach_neither_root_nor_layer_nor_the_next_box() {
    if !needs(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    let (root, layer) = root_and_layer(&scratch);
    let flags = ["--rootfs", &root, "--layer", &layer];
    let before = (scratch.listing("root"), scratch.listing("layer"));
    said(&flags, &["/bxw-probe", "script", "write /etc changed; write /new x"]);
    assert_eq!(
        (scratch.read("root/etc"), scratch.read("layer/etc")),
        ("of the root".into(), "of the layer".into())
    );
    // Mount points that the image lacks are made in upper, too.
    assert_eq!((scratch.listing("root"), scratch.listing("layer")), before);
    assert_eq!(said(&flags, &["/bxw-probe", "cat", "/etc"]), "of the layer");
    assert_eq!(ran(&flags, &["/bxw-probe", "cat", "/new"]).status.code(), Some(1));
}

#[test]
fn without_a_flag_the_root_is_written_to_as_before() {
    if !needs(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    let (root, _) = root_and_layer(&scratch);
    said(&["--rootfs", &root], &["/bxw-probe", "write", "/etc", "changed"]);
    assert_eq!(scratch.read("root/etc"), "changed\n");
}

#[test]
fn upper_is_kept_where_it_was_asked_for_and_work_is_empty() {
    if !needs(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    let (root, layer) = root_and_layer(&scratch);
    let upper = scratch.at("kept");
    let flags = ["--rootfs", &root, "--layer", &layer, "--upper", &upper];
    said(&flags, &["/bxw-probe", "write", "/etc", "changed"]);
    assert_eq!(scratch.read("kept/upper/etc"), "changed\n");
    assert_eq!(fs::read_dir(scratch.at("kept/work")).unwrap().count(), 0);
    // And is there again in the next box.
    assert_eq!(said(&flags, &["/bxw-probe", "cat", "/etc"]), "changed\n");
    let diff =
        lesson(L07).args(["diff", &scratch.at("kept/upper"), &root, &layer]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&diff.stdout), "C /etc\n");
}

/// The kernel would let both write to it, and promises nothing then.
#[test]
fn an_upper_layer_is_one_boxs_at_a_time() {
    if !needs(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    let upper = scratch.at("kept");
    let flags = ["--rootfs", &scratch.image("root"), "--upper", &upper];
    let command = ["run", "--no-card", "--network", "none"];
    let first = [&command[..], &flags, &["/bxw-probe", "sleep", "60"]].concat();
    let first = Background::start(L07, &first);
    let work = scratch.at("kept/work/work");
    let boxed = first.boxed();
    let name = || fs::read_to_string(format!("/proc/{boxed}/comm")).ok();
    eventually("the box runs", || (name()? == "bxw-probe\n").then_some(()));
    leaving_nothing(|| {
        says(&ran(&flags, &["/bxw-probe", "true"]), 125, &["kept/upper", "of another box"]);
    });
    // Nor did the end of the second take from the first what the kernel works with.
    assert!(Path::new(&work).exists());
    drop(first);
    said(&flags, &["/bxw-probe", "write", "/new", "x"]);
    assert_eq!(scratch.read("kept/upper/new"), "x\n");
}

#[test]
fn a_removed_name_is_a_whiteout_and_told_as_deleted() {
    if !needs(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    let upper = scratch.at("kept");
    let script = "rm /bin/cat; mkdir /made; echo x > /made/y; chmod 700 /root";
    let output = ran(&["--upper", &upper, "--diff"], &["sh", "-c", script]);
    let told = String::from_utf8_lossy(&output.stderr);
    let expected = ["C /bin", "D /bin/cat", "A /made", "A /made/y", "C /root"];
    assert_eq!(told.lines().collect::<Vec<_>>(), expected, "{told}");
    let whiteout = fs::symlink_metadata(scratch.at("kept/upper/bin/cat")).unwrap();
    assert!(whiteout.file_type().is_char_device() && whiteout.rdev() == 0);
}

#[test]
fn five_hundred_layers_and_not_one_more() {
    if !needs(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    let root = scratch.image("root");
    let layers: Vec<_> = (0..500)
        .map(|i| {
            let layer = scratch.dir(&format!("l{i}"));
            scratch.file(&format!("l{i}/f{i}"), "x");
            layer
        })
        .collect();
    let flags = |count: usize| {
        let layers = layers[..count].iter().flat_map(|layer| ["--layer", layer]);
        ["--rootfs", &root].into_iter().chain(layers).collect::<Vec<_>>()
    };
    let listing = said(&flags(499), &["/bxw-probe", "ls", "/"]);
    assert_eq!(listing.lines().filter(|name| name.starts_with('f')).count(), 499);
    says(&ran(&flags(500), &["/bxw-probe", "pid"]), 125, &["lowerdir+", "EINVAL", "500 layers"]);
}

#[test]
fn a_read_only_root_refuses_writes() {
    if !needs(&NEEDS) {
        return;
    }
    let output =
        ran(&["--read-only"], &["sh", "-c", "touch /x; echo $?; touch /dev/shm/x; echo $?"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1\n0\n", "{output:?}");
}

#[test]
fn rootless_boxes_have_layers_too_and_clean_finds_what_a_kill_left() {
    if !needs(&[Need::UserNamespaces, Need::Clone3]) {
        return;
    }
    let script = "rm -r /usr && mkdir /usr && echo ok";
    let args = [
        "--rootless",
        "run",
        "--no-card",
        "--network",
        "none",
        "--overlay",
        "--diff",
        "sh",
        "-c",
        script,
    ];
    let output = as_nobody(L07, &args).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok\n", "{told}");
    assert!(told.contains("D /usr/bin"), "{told}");

    let args = [
        "--rootless",
        "run",
        "--no-card",
        "--overlay",
        "sh",
        "-c",
        "rm -r /usr; echo up; exec sleep 60",
    ];
    let mut running = Background::of(&mut as_nobody(L07, &args));
    assert_eq!(running.line(), "up");
    running.signal(nix::sys::signal::Signal::SIGKILL);
    running.wait();
    let cleaned = as_nobody("00-ground", &["clean"]).output().unwrap();
    assert!(cleaned.status.success(), "{}", String::from_utf8_lossy(&cleaned.stderr));
}

#[test]
fn a_box_leaves_nothing_however_it_ends() {
    if !needs(&NEEDS) {
        return;
    }
    for command in [
        ["true"].as_slice(),
        &["no-such-command"],
        &["sh", "-c", "rm -r /usr; mkdir /usr; kill -9 $$"],
    ] {
        for flags in [["--overlay"].as_slice(), &["--storage-opt", "size=2m"], &["--read-only"]] {
            leaving_nothing(|| ran(flags, command));
        }
    }
}

#[test]
fn bad_values_get_one_clear_line() {
    let usage = |flags: &[&str], word: &str| {
        let args = [&["run"], flags, &["true"]].concat();
        refused(L07, &args, 125, &[word]);
    };
    for (flags, word) in [
        (["--storage-opt", "64m"].as_slice(), "size=64m"),
        (&["--storage-opt", "size=1k"], "at least size=64k"),
        (&["--storage-opt", "size=1m", "--upper", "/tmp/x"], "--upper"),
        (&["--read-only", "--diff"], "--diff"),
    ] {
        usage(flags, word);
    }
    if !needs(&NEEDS) {
        return;
    }
    usage(&["--layer", "/nowhere"], "ENOENT");
    usage(&["--layer", "/etc/passwd"], "a layer is a directory");
    usage(&["--rootfs", "/etc/passwd", "--overlay"], "a layer is a directory");
    usage(&["--upper", "/proc/none"], "/proc/none");
    refused(L07, &["diff", "/nowhere", "/"], 1, &["/nowhere", "ENOENT"]);
    refused(L07, &["diff", "/tmp"], 2, &["LOWER"]);
    refused(L07, &["stack"], 2, &["LAYER"]);
}
