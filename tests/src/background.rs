//! Lessons that go on running while a test looks at them.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use ground::cgroup::{self, Controller, Place};
use ground::proc::Process;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::binary;

/// A running lesson; killed when dropped.
pub struct Background {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Background {
    /// Starts `NAME ARGS…` with its output in a pipe.
    pub fn start(name: &str, args: &[&str]) -> Background {
        Background::of(Command::new(binary(name)).args(args))
    }

    /// Starts any command with its output in a pipe.
    pub fn of(command: &mut Command) -> Background {
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = piped.spawn().expect("the lesson starts");
        let stdout = BufReader::new(child.stdout.take().expect("was piped"));
        Background { child, stdout }
    }

    /// The next line that it prints; waits for it.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("read its output");
        line.trim_end().to_string()
    }

    /// The lesson itself.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    /// Its only child: the first process of the box.
    pub fn boxed(&self) -> Pid {
        let file = format!("/proc/{0}/task/{0}/children", self.pid());
        let read = || std::fs::read_to_string(&file).ok()?.split_whitespace().next()?.parse().ok();
        Pid::from_raw(eventually("the lesson has a child", read))
    }

    /// The same as the kernel shows it.
    pub fn process(&self) -> Process {
        Process::of(self.boxed())
    }

    /// Sends the lesson a signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("the lesson is there");
    }

    /// Waits for the lesson's end.
    pub fn wait(mut self) -> ExitStatus {
        self.child.wait().expect("it is our child")
    }
}

impl Background {
    /// Kills its children; says whether there were any.
    fn kill_children(&self) -> bool {
        let file = format!("/proc/{0}/task/{0}/children", self.pid());
        let children = std::fs::read_to_string(file).unwrap_or_default();
        let pids = children.split_whitespace().filter_map(|pid| pid.parse().ok());
        pids.fold(false, |_, pid| kill(Pid::from_raw(pid), Signal::SIGKILL).is_ok())
    }
}

impl Drop for Background {
    /// The box goes first: a lesson whose command has ended removes what it made, one that is killed leaves it to `clean`.
    fn drop(&mut self) {
        let start = Instant::now();
        let mut ending = false;
        while let Ok(None) = self.child.try_wait() {
            ending |= self.kill_children();
            if !ending || start.elapsed() > Duration::from_secs(2) {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The group of a lesson's box in the hierarchy of a controller. Waits until somebody is in it.
pub fn group(running: &Background, controller: Controller) -> Place {
    let name = format!("bxw-{}-run-{}", ground::host::owner(), running.pid());
    let place = cgroup::parent(controller).expect("a group can be made here").child(name);
    eventually("the box is in its group", || {
        place.processes().ok().filter(|inside| !inside.is_empty())
    });
    place
}

/// How long a test waits for what must come: no measure of anything, but the end of hope on a machine that has much to do.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until there is an answer; fails when there is none in a minute. For what the kernel does in its own time.
pub fn eventually<T>(what: &str, ask: impl Fn() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "not so after {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Pseudo-random delays, the same in every run: `xorshift`.
pub fn moments(longest: Duration) -> impl Iterator<Item = Duration> {
    let mut state = 0x9E37_79B9_u32;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        longest.mul_f64(f64::from(state) / f64::from(u32::MAX))
    })
}
