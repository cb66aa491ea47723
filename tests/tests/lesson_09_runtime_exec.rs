//! `exec` of lesson 09's runtime: as whom a guest runs, and what it may.

use tests::runtime::{KEPT, NEEDS, Runtime};
use tests::{Scratch, needs};

/// A layer with users and groups of its own.
fn people(scratch: &Scratch) -> String {
    scratch.dir("layer/etc");
    scratch.file(
        "layer/etc/passwd",
        "root:x:0:0::/root:/bin/sh\nwww:x:33:33::/:/bin/sh\nbob:x:1000:1000::/:/bin/sh\n",
    );
    scratch.file("layer/etc/group", "root:x:0:\nwww:x:33:\nadm:x:4:www,bob\nlog:x:5:www\n");
    scratch.at("layer")
}

#[test]
fn a_guest_is_the_user_that_the_box_knows_by_that_name() {
    if !needs(&KEPT) {
        return;
    }
    let (runtime, scratch) = (Runtime::new(), Scratch::new());
    let layer = people(&scratch);
    let flags = ["-u", "bob", "--group-add", "7", "--layer", &layer, "sleep", "1000"];
    let boxed = runtime.start("people", &flags);
    let who = |user: &[&str]| {
        let ids = "grep -E '^(Uid|Gid|Groups):' /proc/self/status | cut -f2-";
        runtime.said(&[&["exec"], user, &["people", "sh", "-c", ids]].concat())
    };
    // As Docker has it: without a group that was named, those of the table; and always those that the box was given.
    let ids = |uid: u32, gid: u32, groups: &str| {
        format!("{uid}\t{uid}\t{uid}\t{uid}\n{gid}\t{gid}\t{gid}\t{gid}\n{groups}")
    };
    let plain = |text: String| {
        text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").replace(" \n", "\n")
    };
    assert_eq!(plain(who(&[])), ids(1000, 1000, "4 7"));
    assert_eq!(plain(who(&["-u", "www"])), ids(33, 33, "4 5 7"));
    assert_eq!(plain(who(&["-u", "33"])), ids(33, 33, "4 5 7"));
    assert_eq!(plain(who(&["-u", "www:log"])), ids(33, 5, "7"));
    assert_eq!(plain(who(&["-u", "77:88"])), ids(77, 88, "7"));
    assert_eq!(plain(who(&["-u", "0"])), ids(0, 0, "7"));
    for user in ["nobody-here", "www:nobody-here", "", "a:b:c", "-1"] {
        let args = [format!("--user={user}")];
        let (status, error) = runtime.refused(&["exec", &args[0], "people", "true"]);
        assert!([2, 125].contains(&status), "{user:?}: {status} {error}");
    }
    // Of the box's first process nothing has changed.
    assert_eq!(boxed.first().status().unwrap().uid[1], 1000);
}

#[test]
fn an_ordinary_guest_has_no_capabilities_and_root_those_of_the_box() {
    if !needs(&NEEDS) {
        return;
    }
    let runtime = Runtime::new();
    runtime.start("caps", &["--cap-drop", "CHOWN", "sleep", "1000"]);
    let sets = |flags: &[&str]| {
        let script = "grep ^Cap /proc/self/status | cut -f2";
        let text = runtime.said(&[&["exec"], flags, &["caps", "sh", "-c", script]].concat());
        let sets: Vec<u64> =
            text.lines().map(|line| u64::from_str_radix(line, 16).unwrap()).collect();
        <[u64; 5]>::try_from(sets).unwrap()
    };
    let usual = 0xa804_25fb & !1;
    // Inheritable, permitted, effective, bounding, ambient.
    assert_eq!(sets(&[]), [0, usual, usual, usual, 0]);
    assert_eq!(sets(&["-u", "1000"]), [0, 0, 0, usual, 0]);
    let [inheritable, permitted, effective, bounding, ambient] = sets(&["--privileged"]);
    assert!(permitted == effective && bounding == permitted && permitted & 1 << 21 != 0);
    assert_eq!((inheritable, ambient), (0, 0));
    let [inheritable, permitted, effective, ordinary, ambient] =
        sets(&["--privileged", "-u", "1000"]);
    assert_eq!([inheritable, permitted, effective, ambient], [0; 4]);
    assert_eq!(ordinary, bounding);
    // The box itself stays as it was, and so does the next guest.
    assert_eq!(sets(&[]), [0, usual, usual, usual, 0]);
}

#[test]
fn the_environment_of_a_guest_is_the_boxs_and_its_own() {
    if !needs(&NEEDS) {
        return;
    }
    let (runtime, scratch) = (Runtime::new(), Scratch::new());
    let file = scratch.file("env", "# none\nFILE=1\nBOTH=file\nHERE\n");
    runtime.start("env", &["-e", "BOX=1", "-e", "BOTH=box", "sleep", "1000"]);
    let words = ["exec", "--env-file", &file, "-e", "BOTH=own", "-e", "HERE", "-e", "NOT_SET"];
    let script = "echo $BOX $FILE $BOTH $HERE ${NOT_SET-none}";
    let mut command = runtime.command(&[&words[..], &["env", "sh", "-c", script]].concat());
    let output = command.env("HERE", "there").env_remove("NOT_SET").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1 1 own there none\n");
    let (status, error) = runtime.refused(&["exec", "-e", "=x", "env", "true"]);
    assert!(status == 125 && error.contains("it has no name"), "{status} {error}");
    assert_eq!(runtime.refused(&["exec", "--env-file", "/nowhere", "env", "true"]).0, 125);
    // The same with -d: what cannot be started is told.
    assert_eq!(runtime.refused(&["exec", "-d", "env", "no-such-command"]).0, 127);
    assert_eq!(runtime.refused(&["exec", "-w", "/nowhere/at/all", "env", "true"]).0, 125);
}
