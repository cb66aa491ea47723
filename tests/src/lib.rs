//! Helpers of the cross-lesson tests. No test clones in its own process: it starts a lesson's binary and looks from
//! outside.

pub mod archive;
mod background;
mod crowd;
pub mod devices;
mod hosts;
pub mod inits;
pub mod person;
pub mod refusal;
pub mod rooted;
pub mod router;
pub mod runtime;
mod scratch;
pub mod sealed;
mod skip;
pub mod terminal;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use ground::story::Event;

pub use background::{Background, PATIENCE, eventually, group, moments};
pub use crowd::crowd;
pub use hosts::{NOBODY, as_nobody, guest, mount_in_namespace_of, on_shared_mounts};
pub use scratch::Scratch;
pub use skip::{kernel_file, left_out, needs, program};

/// The lessons that exist, by binary.
pub const LESSONS: [&str; 9] = [
    "01-clone-pid",
    "02-mount-ns",
    "03-chroot",
    "04-cgroup-cpu",
    "05-memory-oom",
    "06-veth",
    "07-overlay",
    "08-caps",
    "09-init-signals",
];

/// A built binary of the workspace: beside this test's directory, or where `$BXW_BIN_DIR` says.
pub fn binary(name: &str) -> PathBuf {
    let dir = std::env::var_os("BXW_BIN_DIR").map(PathBuf::from).unwrap_or_else(|| {
        let exe = std::env::current_exe().expect("a test has an executable");
        exe.ancestors().nth(2).expect("target/debug/deps/test").to_path_buf()
    });
    dir.join(name)
}

/// The command line of a lesson, to be run to its end.
pub fn lesson(name: &str) -> assert_cmd::Command {
    assert_cmd::Command::from_std(Command::new(binary(name)))
}

/// Runs a command that has to succeed and returns what it printed.
#[track_caller]
pub fn said(command: &mut Command) -> String {
    let output = command.output().expect("the command starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {errors}", output.status);
    String::from_utf8(output.stdout).expect("it prints UTF-8")
}

/// Runs a lesson with `--json` and returns its story and exit status.
pub fn story(name: &str, args: &[&str]) -> (Vec<Event>, i32) {
    story_of(name, lesson(name).args(args))
}

/// The same for a command line that the test has prepared.
pub fn story_of(name: &str, command: &mut assert_cmd::Command) -> (Vec<Event>, i32) {
    let output = command.arg("--json").output().expect("the lesson starts");
    let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e} in {line}"));
    let events = text.lines().map(parse).collect();
    let status = output.status.code().unwrap_or(-1);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.is_empty() || status != 0, "{name} says {errors}");
    (events, status)
}

/// The samples of one value: milliseconds since the first, and what was read.
pub fn samples(events: &[Event], value: &str) -> Vec<(u64, BTreeMap<String, u64>)> {
    let of = |event: &Event| match event {
        Event::Sample { what, ms, read, .. } if what == value => Some((*ms, read.clone())),
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

/// What `list --json` says of a lesson's experiments.
#[derive(serde::Deserialize)]
pub struct Listed {
    /// `01` …
    pub lesson: String,
    /// In reading order.
    pub experiments: Vec<ListedExperiment>,
}

/// One experiment of the list.
#[derive(serde::Deserialize)]
pub struct ListedExperiment {
    /// As typed.
    pub name: String,
    /// `core` or `deep`.
    pub level: String,
    /// The claims it decides.
    pub claims: Vec<String>,
    /// Identifiers of `ground::needs`.
    pub needs: Vec<String>,
}

/// The experiments of a lesson.
pub fn list(name: &str) -> Listed {
    let output = lesson(name).args(["list", "--json"]).output().expect("the lesson starts");
    serde_json::from_slice(&output.stdout).expect("list --json is JSON")
}

/// Root of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace")
}
