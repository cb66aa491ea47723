//! The image store of lesson 07, from outside: what is refused, what survives, who waits for whom.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use ground::needs::Need;
use tar::EntryType::{self, Char, Directory, Link, Regular, Symlink};
use tests::archive::{Entry, Images, tar};
use tests::refusal::{leaving_nothing, says};
use tests::{Scratch, binary, lesson, needs, program, said};

fn import(images: &Images<'_>, name: &str, entries: &[Entry<'_>]) -> std::process::Output {
    let file = images.0.file(&format!("{name}.tar"), tar(entries));
    images.image(&["import", "--name", name, &file]).output().unwrap()
}

/// An archive that takes a moment.
fn large(scratch: &Scratch, name: &str, files: usize) -> String {
    let content = name.repeat(20_000 / name.len());
    let names: Vec<_> = (0..files).map(|i| format!("dir{}/file{i}", i % 7)).collect();
    let entries: Vec<_> =
        names.iter().map(|name| (Regular, name.as_str(), content.as_str())).collect();
    scratch.file(&format!("{name}.tar"), tar(&entries))
}

#[test]
fn hostile_archives_leave_one_line_and_nothing_else() {
    let scratch = Scratch::new();
    let outside = scratch.dir("outside");
    let cases: [(&[Entry<'_>], &str); 12] = [
        (&[(Regular, "../evil", "x")], "leads out of the layer"),
        (&[(Regular, "/evil", "x")], "absolute name"),
        (&[(Symlink, "a", &outside), (Regular, "a/evil", "x")], "symbolic link that leads out"),
        (&[(Symlink, "a", "../../.."), (Regular, "a/evil", "x")], "symbolic link that leads out"),
        (&[(Link, "a", "../../etc/passwd")], "leads out of the layer"),
        (&[(Symlink, "a", "/etc"), (Link, "b", "a/passwd")], "symbolic link that leads out"),
        (&[(Regular, "a", "x"), (Regular, "a", "y")], "is there twice"),
        (&[(Regular, "a", "x"), (Regular, "a/b", "y")], "not a directory"),
        (&[(Directory, "a", ""), (Link, "b", "a")], "a directory"),
        (&[(Char, "a", "")], "whiteout of overlayfs"),
        (&[(EntryType::new(b'V'), "a", "")], "type 'V'"),
        (&[], "empty"),
    ];
    let images = Images(&scratch);
    images.did(&["prune"]);
    let before = scratch.listing("store");
    for (entries, why) in cases {
        leaving_nothing(|| says(&import(&images, "evil", entries), 1, &[why]));
        assert_eq!(scratch.listing("store"), before, "{why}");
        assert!(scratch.listing("outside").is_empty() && !fs::exists(scratch.at("evil")).unwrap());
    }
}

#[test]
fn bad_words_are_refused_with_status_2() {
    let scratch = Scratch::new();
    let images = Images(&scratch);
    let file = scratch.file("x.tar", tar(&[(Regular, "a", "x")]));
    let closed = scratch.dir("open");
    for (args, words) in [
        (&["import", "--name", "A B", &file][..], "image name"),
        (&["import", "--unpack-limit", "many", &file], "a size like"),
        (&["import", "/dev/null"], "not a regular file"),
        (&["import", &closed], "no OCI image layout"),
        (&["save", "x"], "--output"),
        (&["inspect", "..."], "image name"),
    ] {
        says(&images.image(args).output().unwrap(), 2, &[words]);
    }
    says(&images.image(&["inspect", "missing"]).output().unwrap(), 1, &["there is no image"]);
    says(&images.image(&["import", "/nowhere"]).output().unwrap(), 1, &["open /nowhere: ENOENT"]);
    let args = ["image", "--store", &closed, "list"];
    says(&lesson("07-overlay").args(args).output().unwrap(), 2, &["only you can enter"]);
}

#[test]
fn bombs_are_refused_before_they_fill_the_disk() {
    let scratch = Scratch::new();
    let images = Images(&scratch);
    let zeros = "0".repeat(1 << 20);
    let entries: Vec<_> =
        ["a", "b", "c"].iter().map(|name| (Regular, *name, zeros.as_str())).collect();
    let file = scratch.file("bomb.tar", tar(&entries));
    said(Command::new("gzip").args(["-k", &file]));
    assert!(fs::metadata(scratch.at("bomb.tar.gz")).unwrap().len() < 50_000);
    for file in [&file, &scratch.at("bomb.tar.gz")] {
        let output =
            images.image(&["import", "--unpack-limit", "2m", "-n", "x", file]).output().unwrap();
        says(&output, 1, &["more than 2097152 bytes", "--unpack-limit"]);
        assert_eq!(fs::read_dir(scratch.at("store/tmp")).unwrap().count(), 0);
    }
    images.did(&["import", "--unpack-limit", "4m", "-n", "x", &scratch.at("bomb.tar.gz")]);
}

#[test]
fn damaged_layouts_are_refused() {
    let scratch = Scratch::new();
    let images = Images(&scratch);
    let file = scratch.file("x.tar", tar(&[(Regular, "a", "content")]));
    images.did(&["import", "-n", "x:1", &file]);
    let whole = images.json(&["inspect", "x:1"]);
    let other = Scratch::new();
    let fresh = Images(&other);
    let hex = |digest: &serde_json::Value| digest.as_str().unwrap()["sha256:".len()..].to_string();
    let damage = |name: &str, from: &str, to: &str, why: &str| {
        let _ = fs::remove_dir_all(scratch.at("layout"));
        images.did(&["save", "x:1", "--layout", &scratch.at("layout")]);
        let at = scratch.at(&format!("layout/{name}"));
        let text = String::from_utf8_lossy(&fs::read(&at).unwrap()).replacen(from, to, 1);
        fs::write(&at, text).unwrap();
        let output = fresh.image(&["import", &scratch.at("layout")]).output().unwrap();
        says(&output, 1, &[why]);
        assert_eq!(fresh.json(&["list"]), serde_json::json!([]));
        assert_eq!(fs::read_dir(other.at("store/tmp")).unwrap().count(), 0);
    };
    let layer = format!("blobs/sha256/{}", hex(&whole["layers"][0]["digest"]));
    damage(&layer, "content", "CONTENT", "has the digest");
    damage(&layer, "content", "longer content", "to have");
    damage(&format!("blobs/sha256/{}", hex(&whole["id"])), "linux", "xinux", "has the digest");
    damage("index.json", "sha256:", "sha512:", "algorithm");
    damage("index.json", "image.manifest.v1", "artifact.v1", "media type");
    damage("index.json", "{", &format!("{{\"x\":{}", "[".repeat(1000)), "is not what it should be");
    damage("index.json", "{", &format!("{}{{", " ".repeat(5 << 20)), "larger than");
    damage("index.json", "manifests", "manifest", "missing field");
}

#[test]
fn a_corrupt_blob_is_told_from_a_missing_one() {
    let scratch = Scratch::new();
    let images = Images(&scratch);
    let file = scratch.file("x.tar", tar(&[(Regular, "a", "content")]));
    images.did(&["import", "-n", "x", &file]);
    let whole = images.json(&["inspect", "x"]);
    let blob = whole["layers"][0]["digest"].as_str().unwrap();
    let at = scratch.at(&format!("store/blobs/sha256/{}", &blob["sha256:".len()..]));
    let verify = || images.image(&["inspect", "--verify", "x"]).output().unwrap();
    let ends = |words: &[&str]| {
        let output = verify();
        assert_eq!(output.status.code(), Some(1));
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        words.iter().for_each(|word| assert!(errors.contains(word), "{errors}"));
    };
    fs::write(&at, b"other").unwrap();
    ends(&[blob, "corrupt", "prune --verify"]);
    assert!(images.did(&["prune", "--verify"]).contains("x:latest is damaged"));
    ends(&[blob, "missing"]);
    images.did(&["import", "-n", "x", &file]);
    assert!(verify().status.success());
}

/// To import or save anew is what people try first, and it helps.
#[test]
fn a_corrupt_blob_is_replaced_by_the_next_import() {
    let scratch = Scratch::new();
    let images = Images(&scratch);
    let file = scratch.file("x.tar", tar(&[(Regular, "a", "content")]));
    images.did(&["import", "-n", "x:1", &file]);
    images.did(&["save", "x:1", "--layout", &scratch.at("layout")]);
    let whole = images.json(&["inspect", "x:1"]);
    for digest in [&whole["layers"][0]["digest"], &whole["id"], &whole["digest"]] {
        let hex = &digest.as_str().unwrap()["sha256:".len()..];
        let at = scratch.at(&format!("store/blobs/sha256/{hex}"));
        let before = fs::read(&at).unwrap();
        // Of the same length: only the bytes tell.
        fs::write(&at, vec![b'x'; before.len()]).unwrap();
        images.did(&["import", &scratch.at("layout")]);
        assert!(fs::read(&at).unwrap() == before, "{digest}");
    }
    assert!(images.image(&["inspect", "--verify", "x:1"]).output().unwrap().status.success());
}

fn start(images: &Images<'_>, args: &[&str]) -> Child {
    let mut command = Command::new(binary("07-overlay"));
    command.args(["image", "--store", &images.at()]).args(args);
    command.stdout(Stdio::null()).spawn().unwrap()
}

/// Whatever the moment, the store is as it was or has the image; the next command sweeps the rest.
#[test]
fn kill_9_during_an_import_leaves_a_store_that_is_whole() {
    let scratch = Scratch::new();
    let images = Images(&scratch);
    let file = large(&scratch, "big", 600);
    let mut killed = 0;
    for turn in 0..40u64 {
        let mut child = start(&images, &["import", "-n", &format!("big:{turn}"), &file]);
        sleep(Duration::from_micros(1_000 + turn * turn * 150));
        child.kill().unwrap();
        killed += usize::from(child.wait().unwrap().signal() == Some(9));
        images.did(&["list"]);
        images.is_consistent();
        if turn % 8 == 7 {
            images.did(&["prune"]);
        }
    }
    assert!(killed > 10, "only {killed} were killed");
    // The killed have left the directories of their runs.
    lesson("00-ground").arg("clean").assert().success();
    images.did(&["import", "-n", "big", &file]);
    images.is_consistent();
}

#[test]
fn eight_imports_and_prunes_at_once_do_not_harm_each_other() {
    let scratch = Scratch::new();
    let images = Images(&scratch);
    let files: Vec<_> = (0..4).map(|i| large(&scratch, &format!("img{i}"), 150)).collect();
    let import = |i: usize| start(&images, &["import", "-n", &format!("n{i}"), &files[i % 4]]);
    for _ in 0..3 {
        // The same image twice, and prunes between.
        let mut all: Vec<_> =
            (0..8).flat_map(|i| [import(i), start(&images, &["prune"])]).collect();
        assert!(all.iter_mut().all(|child| child.wait().unwrap().success()));
        images.is_consistent();
        assert_eq!(images.json(&["list"]).as_array().unwrap().len(), 8);
        let mut all: Vec<_> = (0..8).map(|i| start(&images, &["rm", &format!("n{i}")])).collect();
        assert!(all.iter_mut().all(|child| child.wait().unwrap().success()));
    }
    for dir in ["blobs", "layers"] {
        let left = scratch.listing(&format!("store/{dir}/sha256"));
        assert!(left.is_empty(), "{left:?}");
    }
}

/// On a disk of this test's own: a tmpfs in a mount namespace.
#[test]
fn a_full_disk_is_told_and_nothing_is_left() {
    if !needs(&[Need::Admin]) || !program("unshare") {
        return;
    }
    let scratch = Scratch::new();
    let file = large(&scratch, "big", 600);
    let dir = scratch.dir("disk");
    let overlay = binary("07-overlay").display().to_string();
    let script = format!(
        "mount -t tmpfs -o size=8m,mode=700 tmpfs {dir} && {overlay} image --store {dir}/store import -n x {file}; \
         echo status $?; ls {dir}/store/tmp {dir}/store/blobs/sha256 {dir}/store/layers/sha256 | wc -w"
    );
    let output = Command::new("unshare").args(["-m", "sh", "-c", &script]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("ENOSPC") && errors.contains("image prune"), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    // Three headings of ls.
    assert_eq!(String::from_utf8_lossy(&output.stdout), "status 1\n3\n");
}

#[test]
fn a_box_keeps_its_layers_from_a_prune() {
    if !needs(&[Need::Admin, Need::Clone3, Need::Overlay]) {
        return;
    }
    let scratch = Scratch::new();
    let images = Images(&scratch);
    scratch.image("root");
    said(Command::new("tar").args([
        "-C",
        &scratch.at("root"),
        "-cf",
        &scratch.at("root.tar"),
        ".",
    ]));
    images.did(&["import", "-n", "root", &scratch.at("root.tar")]);
    let args =
        ["run", "--no-card", "--store", &images.at(), "--image", "root", "/bxw-probe", "hold"];
    let mut running = tests::Background::start("07-overlay", &args);
    assert_eq!(running.line(), "ready");
    let removed = images.json(&["rm", "root"]);
    assert_eq!(removed["in_use"].as_array().unwrap().len(), 1, "{removed}");
    drop(running);
    let pruned = images.json(&["prune"]);
    assert_eq!(pruned["layers"].as_array().unwrap().len(), 1, "{pruned}");
}
