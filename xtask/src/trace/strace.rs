//! What strace writes, as calls.

/// One of the three processes of a run in the background.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// The command that was typed.
    Runtime,
    /// Its child, the parent of the box.
    Monitor,
    /// The first process of the box.
    Box,
}

impl Process {
    /// As the table has it.
    pub fn word(self) -> &'static str {
        match self {
            Process::Runtime => "runtime",
            Process::Monitor => "monitor",
            Process::Box => "box",
        }
    }
}

/// A system call at its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// µs since the first call.
    pub us: u64,
    /// Who asks.
    pub process: Process,
    /// What for.
    pub name: String,
    /// The arguments as strace writes them, and what came of it.
    pub arguments: String,
    /// The one that says most, without what differs from run to run.
    pub about: String,
}

/// The calls of a trace by `-f -ttt`. `root` is the directory that becomes the root of the box.
pub fn calls(text: &str, root: &str) -> Vec<Call> {
    let mut family = Family::default();
    let mut calls = Vec::new();
    let mut begin = None;
    for (pid, time, name, arguments) in text.lines().filter_map(parts) {
        let begin = *begin.get_or_insert(time);
        calls.push(Call {
            us: ((time - begin) * 1e6).max(0.0).round() as u64,
            process: family.member(pid, name),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            about: about(name, arguments, root),
        });
    }
    calls
}

/// Who is who: the three processes come in this order. A thread or a helper counts as whoever has made it.
#[derive(Debug, Default)]
struct Family<'a> {
    known: Vec<(&'a str, Process)>,
    parent: Option<Process>,
}

impl<'a> Family<'a> {
    fn member(&mut self, pid: &'a str, call: &str) -> Process {
        let known = self.known.iter().find(|(known, _)| *known == pid).map(|found| found.1);
        let process = known.unwrap_or_else(|| {
            let others = self.parent.unwrap_or(Process::Runtime);
            let first = [Process::Runtime, Process::Monitor, Process::Box];
            let process = first.get(self.known.len()).copied().unwrap_or(others);
            self.known.push((pid, process));
            process
        });
        if call.starts_with("clone") || call.ends_with("fork") {
            self.parent = Some(process);
        }
        process
    }
}

/// `4711  1795314430.797149 close(3) = 0`. The end of a call that was interrupted by another's line, a signal, and an end
/// are no calls.
fn parts(line: &str) -> Option<(&str, f64, &str, &str)> {
    let (pid, rest) = line.split_once(' ')?;
    let (time, rest) = rest.trim_start().split_once(' ')?;
    let (name, arguments) = rest.trim_start().split_once('(')?;
    let is_call = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_call && !name.is_empty()).then_some((pid, time.parse().ok()?, name, arguments))
}

/// What a program reads and writes is its own affair; a single letter is a sign that was agreed on.
fn about(name: &str, arguments: &str, root: &str) -> String {
    let literal = || arguments.split('"').nth(1);
    let flags = |word: &'static str| {
        let mut words = arguments.split(", ").map(|word| word.trim_start_matches('{'));
        words.find_map(|found| found.strip_prefix(word))
    };
    let found = match name {
        "execve" => literal().and_then(|path| path.rsplit('/').next()),
        "mount" => arguments.split(", ").nth(1),
        "clone" | "clone3" => flags("flags="),
        "prctl" | "unshare" | "seccomp" | "socket" => arguments.split([',', ')']).next(),
        "read" | "write" | "sendto" | "recvfrom" | "getrandom" => {
            literal().filter(|text| text.len() == 1)
        }
        _ => literal(),
    };
    let found = found.unwrap_or_default().trim_matches('"');
    shorten(&same_every_time(found, root))
}

/// The root, the number of the run, and the box's id are others in each run.
fn same_every_time(text: &str, root: &str) -> String {
    let text = text.replace(root, "ROOTFS");
    let mut words: Vec<String> = text.split('/').map(str::to_owned).collect();
    for word in &mut words {
        if word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            *word = "ID".into();
        }
        if let Some(at) = word.find("run-") {
            let number = |c: char| c.is_ascii_digit();
            let rest = word[at + 4..].trim_start_matches(number).to_owned();
            word.replace_range(at + 4.., &format!("PID{rest}"));
        }
        if let Some(rest) = word.strip_prefix("bxw-") {
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            *word = format!("bxw-UID{rest}");
        }
        if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) && word.len() > 2 {
            *word = "PID".into();
        }
    }
    words.join("/")
}

fn shorten(text: &str) -> String {
    match text.chars().count() {
        0..=60 => text.to_owned(),
        _ => text.chars().take(59).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
7  10.000100 execve(\"/x/09\", [\"09\", \"run\"], 0x7ff /* 9 vars */) = 0
7  10.000300 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x5) = 8
8  10.000400 clone3({flags=CLONE_PIDFD|CLONE_NEWPID, pidfd=0x7}, 88 <unfinished ...>
9  10.000500 mount(\"tmpfs\", \"/dev\", \"tmpfs\", MS_NOSUID, \"mode=755\") = 0
8  10.000600 <... clone3 resumed>) = 9
8  10.000700 --- SIGCHLD {si_signo=SIGCHLD} ---
9  10.000800 +++ exited with 0 +++
10 10.000900 close(3) = 0
";

    #[test]
    fn three_processes_are_known_by_their_order_and_others_by_their_maker() {
        let calls = calls(TEXT, "/root");
        let found: Vec<(u64, &str, &str, &str)> =
            calls.iter().map(|c| (c.us, c.process.word(), &c.name[..], &c.about[..])).collect();
        assert_eq!(
            found,
            [
                (0, "runtime", "execve", "09"),
                (200, "runtime", "clone", "CLONE_CHILD_SETTID|SIGCHLD"),
                (300, "monitor", "clone3", "CLONE_PIDFD|CLONE_NEWPID"),
                (400, "box", "mount", "/dev"),
                (800, "monitor", "close", ""),
            ]
        );
    }

    #[test]
    fn what_differs_from_run_to_run_is_left_out() {
        let id = "0123456789abcdef".repeat(4);
        let stable = |text: &str| same_every_time(text, "/a/rootfs");
        assert_eq!(
            stable(&format!("/var/lib/bxw-0/boxes/{id}/log")),
            "/var/lib/bxw-UID/boxes/ID/log"
        );
        assert_eq!(
            stable("/sys/fs/cgroup/cpu/bxw-0-run-77/tasks"),
            "/sys/fs/cgroup/cpu/bxw-UID-run-PID/tasks"
        );
        assert_eq!(stable("/run/bxw-0/run-12.new"), "/run/bxw-UID/run-PID.new");
        assert_eq!(stable("/a/rootfs"), "ROOTFS");
        assert_eq!(stable("/proc/4711/stat"), "/proc/PID/stat");
    }
}
