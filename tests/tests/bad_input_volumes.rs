//! Bad input for `-v`: one clear line, the right status, and nothing changed on the host.

use ground::needs::Need;
use tests::refusal::{leaving_nothing, refused, says};
use tests::rooted::NEEDS;
use tests::{Scratch, as_nobody, needs};

const L02: &str = "02-mount-ns";
const L03: &str = "03-chroot";

/// `NAME run -v VOLUME true`, refused with 125.
#[track_caller]
fn is_refused(name: &str, volume: &str, words: &[&str]) {
    refused(name, &["run", "--no-card", "-v", volume, "true"], 125, words);
}

#[test]
fn what_is_not_of_the_form_is_usage_and_says_which_part() {
    const RELATIVE_SOURCE: &[&str] = &["SRC is relative", "$PWD"];
    const RELATIVE_DESTINATION: &[&str] = &["DST is relative"];
    const FORM: &[&str] = &["not of the form", "SRC:DST"];
    const ROOT: &[&str] = &["DST names no place"];
    const OPTION: &[&str] = &["unknown option", "ro or rw"];
    let volumes = [
        ("", FORM),
        ("/a", FORM),
        ("/a:/b:ro:", FORM),
        ("/a:/b:ro:/c:rw", FORM),
        (":", RELATIVE_SOURCE),
        (":/b", RELATIVE_SOURCE),
        ("a:/b", RELATIVE_SOURCE),
        ("./a:/b:ro", RELATIVE_SOURCE),
        ("/a:", RELATIVE_DESTINATION),
        ("/a:b", RELATIVE_DESTINATION),
        ("/a::ro", RELATIVE_DESTINATION),
        ("/a\nb:c", RELATIVE_DESTINATION),
        ("/a:/", ROOT),
        ("/a:/b/..", ROOT),
        ("/a:/b:", OPTION),
        ("/a:/b:rx", OPTION),
        ("/a:/b:RO", OPTION),
        ("/a:/b:ro,rw", OPTION),
    ];
    for (volume, words) in volumes {
        for name in [L02, L03] {
            is_refused(name, volume, &[words, &["--volume"]].concat());
        }
    }
    refused(L02, &["run", "-v"], 125, &["--volume", "value is required"]);
}

#[test]
fn a_source_must_be_there() {
    if !needs(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    let (file, at) = (scratch.file("file", ""), scratch.dir("at"));
    scratch.link("dangling", "nowhere");
    leaving_nothing(|| {
        for name in [L02, L03] {
            let missing = |source: &str, words: &[&str]| {
                is_refused(name, &format!("{source}:{at}"), &[words, &["open_tree"]].concat());
            };
            missing(&scratch.at("none"), &["ENOENT", "the source of a volume must exist"]);
            missing(&scratch.at("dangling"), &["ENOENT"]);
            missing("/no\nsuch\\0name", &["ENOENT", "/no\\nsuch\\0name"]);
            missing(&format!("{file}/below"), &["ENOTDIR"]);
            missing(&"/x".repeat(2100), &["ENAMETOOLONG"]);
        }
    });
    assert!(scratch.listing("at").is_empty());
}

#[test]
fn nothing_is_made_in_the_hosts_root_directory() {
    if !needs(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    let (source, letter) = (scratch.dir("source"), scratch.file("letter", "lent\n"));
    let before = scratch.listing(".");
    leaving_nothing(|| {
        for source in [&source, &letter] {
            for at in ["at", "deep/at", "letter/at"] {
                let volume = format!("{source}:{}", scratch.at(at));
                is_refused(L02, &volume, &[at]);
            }
        }
    });
    assert_eq!(scratch.listing("."), before);
    assert_eq!(scratch.read("letter"), "lent\n");
}

#[test]
fn source_and_destination_must_be_of_one_kind() {
    if !needs(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    let (dir, file) = (scratch.dir("dir"), scratch.file("file", ""));
    leaving_nothing(|| {
        is_refused(L02, &format!("{dir}:{file}"), &["is a file", "its source is a directory"]);
        is_refused(L02, &format!("{file}:{dir}"), &["is a directory", "its source is a file"]);
        is_refused(L03, &format!("{dir}:/etc/passwd"), &["is a file", "of one kind"]);
        is_refused(L03, &format!("{file}:/etc"), &["is a directory", "of one kind"]);
    });
}

#[test]
fn a_destination_may_not_be_the_root_nor_lead_through_a_link_of_proc() {
    if !needs(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    let (dir, root) = (scratch.dir("dir"), scratch.link("root", "/"));
    let image = scratch.image("image");
    scratch.link("image/root", "../..");
    scratch.link("image/dangling", "/nowhere");
    scratch.link("image/circle", "circle");
    let before = scratch.listing(".");
    leaving_nothing(|| {
        is_refused(L02, &format!("{dir}:{root}"), &["the box's root directory"]);
        is_refused(L02, &format!("{dir}:/proc/self/cwd"), &["ELOOP", "a link of /proc"]);
        let on_image = |at: &str, words: &[&str]| {
            let volume = format!("{dir}:{at}");
            let args = ["run", "--rootfs", &image, "-v", &volume, "/bxw-probe", "pid"];
            refused(L03, &args, 125, words);
        };
        on_image("/root", &["the box's root directory"]);
        on_image("/dangling", &["EEXIST", "a symlink that leads nowhere"]);
        on_image("/circle", &["ELOOP", "circle of links"]);
        on_image("/proc/self/root/x", &["ELOOP"]);
        on_image("/proc/made", &["/proc/made"]);
        on_image("/sys/made", &["/sys/made"]);
        on_image("/bxw-probe/below", &["ENOTDIR"]);
    });
    assert_eq!(scratch.listing("."), before);
}

#[test]
fn a_second_bad_volume_takes_the_first_back() {
    if !needs(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    let (dir, at) = (scratch.dir("dir"), scratch.dir("at"));
    let (good, bad) = (format!("{dir}:{at}"), format!("{}:{at}", scratch.at("none")));
    leaving_nothing(|| refused(L02, &["run", "-v", &good, "-v", &bad, "true"], 125, &["ENOENT"]));
}

#[test]
fn a_source_that_is_closed_to_the_user_is_named() {
    if !needs(&[Need::UserNamespaces, Need::InitialRoot, Need::Clone3, Need::MountSetattr]) {
        return;
    }
    let scratch = Scratch::new();
    scratch.dir("closed/source");
    scratch.open_to_all("closed", 0o700);
    let volume = format!("{}:{}", scratch.at("closed/source"), scratch.dir("at"));
    leaving_nothing(|| {
        let args = ["--rootless", "run", "-v", &volume, "true"];
        let output = as_nobody(L02, &args).output().unwrap();
        says(&output, 125, &["open_tree", "closed/source", "EACCES", "owner and mode"]);
    });
}
