//! The isolation card of processes that other programs contained.

use std::path::{Path, PathBuf};
use std::process::Command;

use ground::needs::Need;
use ground::story::{CardRow, Event};
use nix::unistd::Pid;
use tests::{Background, eventually, lesson, needs, program};

/// The card that `inspect` shows of a process.
fn card(pid: Pid) -> Vec<CardRow> {
    let output =
        lesson("00-ground").args(["--json", "inspect", &pid.to_string()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let events = String::from_utf8(output.stdout).unwrap();
    let mut events = events.lines().map(|line| serde_json::from_str(line).unwrap());
    let rows = |event| match event {
        Event::Card { rows } => Some(rows),
        _ => None,
    };
    events.find_map(rows).expect("one of the events is the card")
}

/// Names of the rows in which the process differs from the host.
fn isolated(pid: Pid) -> Vec<String> {
    let rows = card(pid).into_iter().filter(|row| row.isolated && !row.unknown);
    rows.map(|row| row.thing).collect()
}

/// The process differs from the host in each of these rows; returns all in which it does.
#[track_caller]
fn is_isolated_in(pid: Pid, things: &[&str]) -> Vec<String> {
    let seen = isolated(pid);
    for thing in things {
        assert!(seen.iter().any(|row| row == thing), "{thing} in {seen:?}");
    }
    seen
}

/// What bubblewrap and runc both make.
const CONTAINED: [&str; 6] = [
    "mount namespace",
    "pid namespace",
    "uts namespace",
    "ipc namespace",
    "net namespace",
    "root directory",
];

fn row(pid: Pid, thing: &str) -> CardRow {
    card(pid).into_iter().find(|row| row.thing == thing).expect("the card has this row")
}

/// The children of all threads of a process.
fn children(pid: Pid) -> Vec<Pid> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let texts = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let text = texts.collect::<String>();
    text.split_whitespace().filter_map(|word| word.parse().ok()).map(Pid::from_raw).collect()
}

/// The first process below `root` that runs `sleep`.
fn sleeper_below(root: Pid) -> Pid {
    let comm = |pid: &Pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    eventually("sleep runs", || {
        let mut family = vec![root];
        let mut next = 0;
        while next < family.len() {
            family.extend(children(family[next]));
            next += 1;
        }
        family.into_iter().find(|pid| comm(pid).trim() == "sleep")
    })
}

#[test]
fn a_plain_child_shares_everything() {
    if !needs(&[Need::Admin]) {
        return;
    }
    let running = Background::of(Command::new("sleep").arg("60"));
    assert_eq!(isolated(running.pid()), Vec::<String>::new());
}

#[test]
fn unshare_isolates_what_it_was_asked_to() {
    if !(needs(&[Need::Admin]) && program("unshare")) {
        return;
    }
    let mut command = Command::new("unshare");
    let running = Background::of(command.args(["--uts", "--net", "--fork", "sleep", "60"]));
    let seen = isolated(sleeper_below(running.pid()));
    assert_eq!(seen, ["uts namespace", "net namespace", "network"]);
}

#[test]
fn bubblewrap_isolates_all_but_cgroup_and_time() {
    if !(needs(&[Need::Admin]) && program("bwrap")) {
        return;
    }
    let mut command = Command::new("bwrap");
    command.args([
        "--unshare-pid",
        "--unshare-net",
        "--unshare-ipc",
        "--unshare-uts",
        "--die-with-parent",
    ]);
    command.args(["--tmpfs", "/", "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib"]);
    command.args([
        "--symlink",
        "usr/lib64",
        "/lib64",
        "--symlink",
        "usr/bin",
        "/bin",
        "sleep",
        "60",
    ]);
    let running = Background::of(&mut command);
    let pid = sleeper_below(running.pid());
    let seen = is_isolated_in(pid, &CONTAINED);
    for thing in ["cgroup namespace", "time namespace"] {
        assert!(!seen.iter().any(|row| row == thing), "{thing} in {seen:?}");
    }
    assert_eq!(row(pid, "no_new_privs").inside.text, "set");
}

/// A bundle for an OCI runtime: a root file system, read-only, and a command that sleeps.
struct Bundle {
    dir: PathBuf,
    id: String,
    runtime: &'static str,
}

impl Bundle {
    fn new(runtime: &'static str, root: &Path) -> Bundle {
        let id = format!("bxw-oci-{}", std::process::id());
        let dir = std::env::temp_dir().join(&id);
        std::fs::create_dir_all(&dir).unwrap();
        assert!(Command::new(runtime).arg("spec").current_dir(&dir).status().unwrap().success());
        let file = dir.join("config.json");
        let mut spec: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        spec["root"] = serde_json::json!({"path": root, "readonly": true});
        spec["process"]["args"] = serde_json::json!(["sleep", "60"]);
        spec["process"]["terminal"] = false.into();
        // A group of our own: never below the one that this process is in.
        spec["linux"]["cgroupsPath"] = format!("/{id}").into();
        spec["linux"]["resources"]["pids"] = serde_json::json!({"limit": 17});
        std::fs::write(&file, spec.to_string()).unwrap();
        Bundle { dir, id, runtime }
    }

    fn start(&self) -> Background {
        Background::of(Command::new(self.runtime).args(["run", &self.id]).current_dir(&self.dir))
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        let _ = Command::new(self.runtime).args(["delete", "--force", &self.id]).output();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// `runc` on the kit's root file system.
#[test]
fn runc_isolates_as_its_config_says() {
    if !(needs(&[Need::InitialRoot, Need::PidsController]) && program("runc")) {
        return;
    }
    let root = ground::rootfs::default_rootfs().expect("a root file system");
    let bundle = Bundle::new("runc", &root);
    let running = bundle.start();
    let pid = sleeper_below(running.pid());
    is_isolated_in(pid, &CONTAINED);
    is_isolated_in(pid, &["pids limit", "capabilities", "network", "init (PID 1)"]);
    assert_eq!(row(pid, "pids limit").inside.text, "17");
    assert_eq!(row(pid, "no_new_privs").inside.text, "set");
}

#[test]
fn what_is_no_process_is_refused_in_one_line() {
    for (pid, status, words) in [
        ("0", 2, "0"),
        ("-1", 2, "-1"),
        ("x", 2, "x"),
        ("4194304", 1, "no such process"),
        ("99999999999", 2, "99999999999"),
    ] {
        let output = lesson("00-ground").args(["inspect", pid]).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(errors.contains(words), "{errors}");
    }
}

#[test]
fn doctor_names_every_need_and_a_remedy_for_what_is_missing() {
    let output = lesson("00-ground").args(["--json", "doctor"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let findings: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for need in Need::ALL {
        let finding = findings.iter().find(|finding| finding["id"] == need.id());
        let finding = finding.unwrap_or_else(|| panic!("doctor is silent about {}", need.id()));
        let missing = finding["status"] != "ok";
        assert_eq!(missing, !need.is_met(), "{finding}");
        assert!(!missing || finding["remedy"].is_string(), "{finding}");
    }
}
