//! The runtime of lesson 09 without root.

use std::process::{Command, Output};

use ground::needs::Need;
use tests::{Scratch, as_nobody, needs};

/// The runtime as an ordinary user, whose boxes are in a directory of the test's.
fn ask(scratch: &Scratch, args: &[&str]) -> Output {
    let mut command: Command = as_nobody("09-init-signals", args);
    command.env("XDG_DATA_HOME", scratch.at("data")).output().expect("the runtime starts")
}

#[track_caller]
fn said(scratch: &Scratch, args: &[&str]) -> String {
    let output = ask(scratch, args);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).trim_end().to_string()
}

#[test]
fn an_ordinary_user_has_boxes_in_the_background_too() {
    if !needs(&[Need::Clone3, Need::MountSetattr, Need::UserNamespaces]) {
        return;
    }
    let scratch = Scratch::new();
    scratch.dir("data");
    scratch.open_to_all("data", 0o777);
    said(&scratch, &["--rootless", "run", "-d", "--name", "mine", "sleep", "1000"]);
    let listed = said(&scratch, &["ps", "--format", "json"]);
    assert!(listed.contains("\"State\":\"running\""), "{listed}");
    // Root of the monitor's user namespace, and so of the box.
    let guest = said(&scratch, &["exec", "-w", "/tmp", "mine", "sh", "-c", "id -u; pwd; exit 0"]);
    assert_eq!(guest, "0\n/tmp");
    assert_eq!(ask(&scratch, &["exec", "mine", "sh", "-c", "exit 3"]).status.code(), Some(3));
    said(&scratch, &["stop", "-t", "0", "mine"]);
    assert_eq!(said(&scratch, &["wait", "mine"]), "137");
    said(&scratch, &["rm", "mine"]);
    assert_eq!(said(&scratch, &["ps", "-aq"]), "");
    let _ = as_nobody("00-ground", &["clean"]).output();
}
