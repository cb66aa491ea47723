//! Lesson 05 as an ordinary user: with a group that somebody delegated to him limits work without root; without one he is
//! told how to get it.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use ground::cgroup::{self, Controller};
use ground::needs::Need;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::{Background, NOBODY, as_nobody, binary, eventually, needs, program};

const L05: &str = "05-memory-oom";
const NEEDS: [Need; 5] = [
    Need::InitialRoot,
    Need::Clone3,
    Need::UserNamespaces,
    Need::MemoryController,
    Need::PidsController,
];

/// A group that belongs to an ordinary user, as systemd delegates one: the directory and the three files by which
/// processes are moved and controllers handed on. See "Delegation" in the kernel's documentation of cgroup v2.
struct Delegated(PathBuf);

impl Delegated {
    fn make() -> Delegated {
        let name = format!("bxw-{}-test-{}", ground::host::owner(), std::process::id());
        let place = cgroup::parent(Controller::MEMORY).expect("a group can be made").child(name);
        let top = place.parent().expect("it is in a group");
        for controller in ["cpu", "memory", "pids"] {
            fs::write(top.dir.join("cgroup.subtree_control"), format!("+{controller}")).unwrap();
        }
        fs::create_dir(&place.dir).unwrap();
        let files = ["", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"];
        files
            .iter()
            .for_each(|file| chown(place.dir.join(file), Some(NOBODY), Some(NOBODY)).unwrap());
        Delegated(place.dir)
    }

    /// `05-memory-oom ARGS…` as that user, in that group: whoever delegates it also puts him there.
    fn command(&self, args: &[&str]) -> Command {
        let script =
            "echo 0 > \"$0\" && exec setpriv --reuid 65534 --regid 65534 --clear-groups \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(self.0.join("cgroup.procs"));
        command.arg(binary(L05)).args(args).current_dir("/");
        command.env_remove("XDG_RUNTIME_DIR").env_remove("SUDO_UID");
        command
    }

    fn groups(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.0).unwrap().flatten().map(|entry| entry.path());
        entries.filter(|path| path.is_dir()).collect()
    }

    /// The group of a box in it: that which has a limit.
    fn of_box(&self) -> Option<PathBuf> {
        let limited = |dir: &PathBuf| read(dir, "memory.max").is_some_and(|max| max != "max");
        let inside = |dir: &PathBuf| read(dir, "cgroup.procs").is_some_and(|pids| !pids.is_empty());
        self.groups().into_iter().find(|dir| limited(dir) && inside(dir))
    }
}

impl Drop for Delegated {
    fn drop(&mut self) {
        let gone = || fs::remove_dir(&self.0).is_ok().then_some(());
        eventually("the delegated group can be removed", gone);
    }
}

fn read(dir: &Path, file: &str) -> Option<String> {
    Some(fs::read_to_string(dir.join(file)).ok()?.trim().to_string())
}

#[test]
fn in_a_delegated_group_limits_are_set_without_root() {
    if !needs(&[Need::MemoryV2]) || !needs(&NEEDS) || !program("setpriv") {
        return;
    }
    let delegated = Delegated::make();
    let flags = ["--memory", "32m", "--pids-limit", "9", "--cpus", "0.5"];
    let args =
        [&["--rootless", "run", "--no-card"][..], &flags, &["sh", "-c", "echo in; exec sleep 60"]];
    let mut command = delegated.command(&args.concat());
    let mut running = Background::of(&mut command);
    assert_eq!(running.line(), "in");
    let group = delegated.of_box().expect("the box has a group in the delegated one");
    for (file, value) in
        [("memory.max", "33554432"), ("pids.max", "9"), ("cpu.max", "50000 100000")]
    {
        assert_eq!(read(&group, file).as_deref(), Some(value), "{file}");
    }
    for pid in read(&group, "cgroup.procs").unwrap().lines() {
        kill(Pid::from_raw(pid.parse().unwrap()), Signal::SIGKILL).unwrap();
    }
    assert_eq!(running.wait().code(), Some(137));
    assert_eq!(delegated.groups(), Vec::<PathBuf>::new());
}

#[test]
fn who_takes_too_much_in_a_delegated_group_is_killed() {
    if !needs(&[Need::MemoryV2]) || !needs(&NEEDS) || !program("setpriv") {
        return;
    }
    let delegated = Delegated::make();
    let args = ["--rootless", "run", "--no-card", "--memory", "16m", "--memory-swap", "16m"];
    let eater = ["sh", "-c", "x=x; while :; do x=$x$x; done"];
    let output = delegated.command(&[&args[..], &eater].concat()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(137), "{errors}");
    assert!(errors.contains("out of memory: the kernel killed"), "{errors}");
}

/// The line names what would help.
#[test]
fn without_a_delegated_group_the_way_to_one_is_said() {
    if !needs(&NEEDS) {
        return;
    }
    let args = ["--rootless", "run", "--no-card", "--memory", "32m", "true"];
    let output = as_nobody(L05, &args).env_remove("SUDO_UID").output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(125), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains("Delegate=yes") && errors.contains("sudo"), "{errors}");
}
