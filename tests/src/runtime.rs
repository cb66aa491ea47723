//! The runtime of lesson 09, with boxes of a user's own: whatever a test does to them, nobody else's are touched.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use ground::needs::Need;
use ground::proc::Process;
use nix::unistd::Pid;
use serde_json::Value;

use crate::{binary, eventually};

/// What every box of the runtime needs.
pub const NEEDS: [Need; 3] = [Need::Admin, Need::Clone3, Need::MountSetattr];
/// For boxes that keep what they write.
pub const KEPT: [Need; 4] = Need::and(&NEEDS, &[Need::KeptLayers]);

/// A user that exists in `SUDO_UID` only. Dropping it removes its boxes and all that is left of them.
pub struct Runtime {
    uid: u32,
}

impl Runtime {
    /// A user that nobody else has: boxes of several tests do not meet.
    #[allow(clippy::new_without_default)] // it stands for something outside
    pub fn new() -> Runtime {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed) % 64;
        Runtime { uid: 1_000_000_000 + std::process::id() % (1 << 23) * 64 + number }
    }

    /// Its number, for `SUDO_UID`.
    pub fn uid(&self) -> String {
        self.uid.to_string()
    }

    /// The runtime's command line.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary("09-init-signals"));
        // No cable into the host, unless a test is about one.
        let alone =
            matches!(args.first(), Some(&("run" | "create"))) && !args.contains(&"--network");
        let network: &[&str] = if alone { &["--network", "none"] } else { &[] };
        let (verb, rest) = args.split_at(args.len().min(1));
        command
            .args(verb)
            .args(network)
            .args(rest)
            .env("SUDO_UID", self.uid.to_string())
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the runtime starts")
    }

    /// What it printed, and its status.
    pub fn ask(&self, args: &[&str]) -> (String, i32) {
        let output = self.output(args);
        let text = String::from_utf8_lossy(&output.stdout).trim_end().to_string();
        (text, output.status.code().unwrap_or(-1))
    }

    /// What it printed; it must succeed.
    #[track_caller]
    pub fn said(&self, args: &[&str]) -> String {
        let output = self.output(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {}: {errors}", output.status);
        String::from_utf8_lossy(&output.stdout).trim_end().to_string()
    }

    /// Its status and the one line of its error.
    #[track_caller]
    pub fn refused(&self, args: &[&str]) -> (i32, String) {
        let output = self.output(args);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && errors.lines().count() == 1, "{args:?}: {errors:?}");
        (output.status.code().unwrap_or(-1), errors)
    }

    /// `run -d FLAGS COMMAND` under this name.
    #[track_caller]
    pub fn start(&self, name: &str, args: &[&str]) -> Boxed<'_> {
        self.said(&[&["run", "-d", "--name", name], args].concat());
        Boxed { runtime: self, name: name.to_string() }
    }

    /// A box by name.
    pub fn named(&self, name: &str) -> Boxed<'_> {
        Boxed { runtime: self, name: name.to_string() }
    }

    /// `<data>/boxes`.
    pub fn boxes(&self) -> PathBuf {
        format!("/var/lib/bxw-{}/boxes", self.uid).into()
    }

    /// The directory that outlives a boot.
    pub fn data(&self) -> PathBuf {
        format!("/var/lib/bxw-{}", self.uid).into()
    }

    /// What is left on the host beside the cached root file system: groups, runs, boxes, mounts, monitors, processes.
    pub fn left(&self) -> Vec<String> {
        let tag = format!("bxw-{}-", self.uid);
        let mut found = Vec::new();
        search(Path::new("/sys/fs/cgroup"), &tag, &mut found);
        let runs = names(Path::new(&format!("/run/bxw-{}", self.uid)));
        found.extend(runs.into_iter().filter(|name| name != "rootfs"));
        found.extend(names(&self.boxes()).into_iter().filter(|name| name != ".lock"));
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let ours = format!("bxw-{}/", self.uid);
        found.extend(mounts.lines().filter(|line| line.contains(&ours)).map(str::to_string));
        found.extend(self.processes());
        found
    }

    /// Monitors and other processes of the runtime have the user's number in their environment, boxes their run.
    fn processes(&self) -> Vec<String> {
        let (user, run) =
            (format!("SUDO_UID={}", self.uid), format!("container=bxw-{}-", self.uid));
        let ours = |entry: &[u8]| entry == user.as_bytes() || entry.starts_with(run.as_bytes());
        let all = ground::proc::all().unwrap_or_default().into_iter();
        let environment = |pid: &Pid| fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let all = all.filter(|pid| environment(pid).split(|byte| *byte == 0).any(ours));
        all.map(|pid| format!("process {pid}")).collect()
    }

    /// Nothing is left, soon.
    #[track_caller]
    pub fn leaves_nothing(&self) {
        let clean = || self.left().is_empty().then_some(());
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually("nothing is left", clean)
        }));
        assert!(outcome.is_ok(), "left: {:#?}", self.left());
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let ids = self.ask(&["ps", "-aq"]).0;
        let ids: Vec<&str> = ids.lines().collect();
        if !ids.is_empty() {
            self.output(&[&["rm", "-f"], &ids[..]].concat());
        }
        let state = PathBuf::from(format!("/run/bxw-{}", self.uid));
        // A monitor that has just written down the end of its box uses the root file system for a moment more.
        for _ in 0..40 {
            let mut clean = Command::new(binary("00-ground"));
            let _ = clean.arg("clean").env("SUDO_UID", self.uid()).output();
            if !state.exists() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let _ = fs::remove_dir_all(self.data());
    }
}

/// A box of a test.
pub struct Boxed<'a> {
    runtime: &'a Runtime,
    name: String,
}

impl Boxed<'_> {
    /// What `inspect` says of it.
    #[track_caller]
    pub fn inspect(&self) -> Value {
        let text = self.runtime.said(&["inspect", &self.name]);
        let objects: Vec<Value> = serde_json::from_str(&text).expect("inspect prints JSON");
        objects.into_iter().next().expect("there is one")
    }

    /// `State.KEY`, as text.
    #[track_caller]
    pub fn state(&self, key: &str) -> String {
        self.inspect()["State"][key].to_string().trim_matches('"').to_string()
    }

    /// Its first process.
    #[track_caller]
    pub fn first(&self) -> Process {
        Process::of(self.pid())
    }

    /// Its number on the host.
    #[track_caller]
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.state("Pid").parse().expect("a number"))
    }

    /// Its monitor.
    #[track_caller]
    pub fn monitor(&self) -> Pid {
        Pid::from_raw(self.inspect()["Monitor"]["Pid"].as_i64().expect("a number") as i32)
    }

    /// Waits until it is in this state.
    #[track_caller]
    pub fn becomes(&self, status: &str) {
        eventually(&format!("{} is {status}", self.name), || {
            (self.state("Status") == status).then_some(())
        });
    }

    /// Waits until its log holds this.
    #[track_caller]
    pub fn says(&self, word: &str) {
        eventually(&format!("{} says {word}", self.name), || {
            self.runtime.said(&["logs", &self.name]).contains(word).then_some(())
        });
    }
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn search(dir: &Path, tag: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        match entry.file_name().to_string_lossy().starts_with(tag) {
            true => found.push(entry.path().display().to_string()),
            false => search(&entry.path(), tag, found),
        }
    }
}
