//! The runtime of lesson 09 without root.

use std::process::{Command, Output};

use ground::needs::Need;
use tests::{Scratch, as_nobody, eventually, needs};

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

/// A place for the boxes of a test. Dropping it removes what is left of them.
struct Home(Scratch);

impl Home {
    fn new() -> Home {
        let scratch = Scratch::new();
        scratch.dir("data");
        scratch.open_to_all("data", 0o777);
        Home(scratch)
    }

    #[track_caller]
    fn said(&self, args: &[&str]) -> String {
        said(&self.0, args)
    }

    /// Its status, and what it complained of.
    fn refused(&self, args: &[&str]) -> (i32, String) {
        let output = ask(&self.0, args);
        let errors = String::from_utf8_lossy(&output.stderr).trim_end().to_string();
        assert_eq!(errors.lines().count(), 1, "{args:?}: {errors}");
        (output.status.code().unwrap_or(-1), errors)
    }

    #[track_caller]
    fn logs(&self, name: &str, text: &str) {
        eventually(&format!("{name} says {text:?}"), || {
            (self.said(&["logs", name]) == text).then_some(())
        });
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let ids = ask(&self.0, &["ps", "-aq"]).stdout;
        let ids = String::from_utf8_lossy(&ids).into_owned();
        let ids: Vec<&str> = ids.lines().collect();
        if !ids.is_empty() {
            ask(&self.0, &[&["rm", "-f"], &ids[..]].concat());
        }
        let _ = as_nobody("00-ground", &["clean"]).output();
    }
}

const NEEDS: [Need; 3] = [Need::Clone3, Need::MountSetattr, Need::UserNamespaces];

#[test]
fn create_start_stop_and_restart_need_no_root() {
    if !needs(&NEEDS) {
        return;
    }
    let home = Home::new();
    let script = "echo more >> /root/kept; wc -l < /root/kept; exec sleep 1000";
    home.said(&["create", "--name", "mine", "--overlay", "sh", "-c", script]);
    home.said(&["start", "mine"]);
    home.logs("mine", "1");
    home.said(&["restart", "-t", "0", "mine"]);
    home.logs("mine", "1\n2");
    assert_eq!(home.said(&["diff", "mine"]), "C /root\nA /root/kept");
    home.said(&["stop", "-t", "0", "mine"]);
    assert_eq!(home.said(&["diff", "mine"]), "C /root\nA /root/kept");
    // Whether a user namespace was asked for or not: the box gets one.
    home.said(&["--rootless", "start", "mine"]);
    home.logs("mine", "1\n2\n3");
    let words =
        ["exec", "-e", "A=1", "-w", "/tmp", "-u", "0:0", "mine", "sh", "-c", "echo $A; pwd"];
    assert_eq!(home.said(&words), "1\n/tmp");
    home.said(&["exec", "-d", "mine", "sh", "-c", "echo x > /tmp/there"]);
    eventually("the guest has written", || {
        ask(&home.0, &["exec", "mine", "cat", "/tmp/there"]).status.success().then_some(())
    });
    home.said(&["rm", "-f", "mine"]);
    assert_eq!(home.said(&["ps", "-aq"]), "");
}

#[test]
fn boxes_of_an_ordinary_user_can_share_a_network() {
    if !needs(&NEEDS) {
        return;
    }
    let home = Home::new();
    home.said(&["run", "-d", "--name", "pod", "--hostname", "pod", "sleep", "1000"]);
    let script = "hostname; readlink /proc/self/ns/net; exec sleep 1000";
    let join = ["--network", "container:pod", "sh", "-c", script];
    home.said(&[&["create", "--name", "guest"][..], &join].concat());
    home.said(&["start", "guest"]);
    let net = home.said(&["exec", "pod", "readlink", "/proc/self/ns/net"]);
    home.logs("guest", &format!("pod\n{net}"));
    home.said(&["restart", "-t", "0", "guest"]);
    home.logs("guest", &format!("pod\n{net}\npod\n{net}"));
    assert_eq!(home.said(&["exec", "guest", "hostname"]), "pod");
    // `run` is root of a user namespace of its own before it knows whom it should join.
    let (status, error) = home.refused(&[&["run", "--rm", "--no-card"][..], &join].concat());
    assert!(status == 125 && error.contains("`create` this one and `start` it"), "{error}");
}

#[test]
fn what_cannot_be_without_root_is_refused_in_one_line() {
    if !needs(&NEEDS) {
        return;
    }
    let home = Home::new();
    home.said(&["run", "-d", "--name", "mine", "sleep", "1000"]);
    let (status, error) = home.refused(&["--rootless", "exec", "mine", "true"]);
    assert!(status == 125 && error.contains("leave --rootless out"), "{error}");
    // A guest says nothing of what its box was told already.
    let output = ask(&home.0, &["exec", "mine", "true"]);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let (status, error) = home.refused(&["exec", "-u", "1000", "mine", "true"]);
    assert!(status == 125 && error.contains("no such ID in the box's user namespace"), "{error}");
    let (status, error) = home.refused(&["pause", "mine"]);
    assert!(status != 0, "{error}");
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
