//! What a call is good for. Calls that any program makes at any time (read, close, brk) belong to what is going on.

use super::strace::{Call, Process};

/// All that a run consists of. A trace in which one is missing is refused.
pub const PHASES: [&str; 14] = [
    "begin", "record", "clone", "cgroup", "gate", "network", "mounts", "pivot", "caps", "seccomp",
    "exec", "command", "wait", "release",
];

/// A call, a text among its arguments, and the phase that begins with it. The first that fits counts.
type Rule = (&'static [&'static str], &'static str, &'static str);

/// Any call.
const ANY: &[&str] = &[];

const RUNTIME: &[Rule] = &[
    (&["execve"], "", "begin"),
    (ANY, "/boxes", "record"),
    (&["socketpair", "clone", "clone3", "fork", "vfork"], "", "clone"),
    (&["recvfrom", "recvmsg"], "", "wait"),
    (&["rmdir", "exit_group"], "", "release"),
];

const MONITOR: &[Rule] = &[
    (&["socketpair", "clone", "clone3", "setsid"], "", "clone"),
    (&["sendto"], "\"g\"", "gate"),
    (&["poll", "ppoll", "epoll_wait", "waitid", "wait4"], "", "wait"),
    (&["open_tree", "mount_setattr", "move_mount", "fsopen"], "", "mounts"),
    (ANY, "/hosts\"", "mounts"),
    (ANY, "/hostname\"", "mounts"),
    (ANY, "/resolv.conf\"", "mounts"),
    (ANY, "/sys/fs/cgroup", "cgroup"),
    (ANY, "/proc/self/cgroup", "cgroup"),
    (ANY, "/boxes/", "record"),
    (ANY, "/run/bxw-", "record"),
];

/// In the order of a birth.
const BOX: &[Rule] = &[
    (&["write"], "\"0\"", "cgroup"),
    (&["unshare"], "CLONE_NEWCGROUP", "cgroup"),
    (&["recvfrom", "read"], "\"g\"", "gate"),
    (&["sethostname", "socket"], "", "network"),
    (
        &["mount", "move_mount", "fsopen", "open_tree", "mknodat", "mkdir", "mkdirat", "chroot"],
        "",
        "mounts",
    ),
    (&["pivot_root"], "", "pivot"),
    (&["capset", "setgroups", "setresgid", "setresuid"], "", "caps"),
    (&["prctl"], "PR_CAP", "caps"),
    (&["prctl"], "PR_SET_NO_NEW_PRIVS", "caps"),
    (&["seccomp"], "", "seccomp"),
    (&["close_range", "execve"], "", "exec"),
];

/// Follows the three processes from call to call.
#[derive(Debug)]
pub struct Phases {
    runtime: &'static str,
    monitor: &'static str,
    boxed: &'static str,
}

impl Default for Phases {
    fn default() -> Self {
        Phases { runtime: "begin", monitor: "clone", boxed: "clone" }
    }
}

impl Phases {
    /// The phase of the next call.
    pub fn of(&mut self, call: &Call) -> &'static str {
        let found = |rules: &[Rule]| {
            let fits = |rule: &&Rule| {
                (rule.0.is_empty() || rule.0.contains(&&call.name[..]))
                    && call.arguments.contains(rule.1)
            };
            rules.iter().find(fits).map(|rule| rule.2)
        };
        let (now, next) = match call.process {
            Process::Runtime => (&mut self.runtime, found(RUNTIME)),
            Process::Monitor => (&mut self.monitor, found(MONITOR)),
            Process::Box => (&mut self.boxed, found(BOX)),
        };
        let phase = next.filter(|next| may_follow(call.process, now, next)).unwrap_or(now);
        // The call that ends a phase still belongs to it.
        *now = match (call.process, &call.name[..]) {
            (Process::Box, "execve") => "command",
            (Process::Monitor, "waitid" | "wait4") => "release",
            _ => phase,
        };
        phase
    }
}

fn may_follow(process: Process, now: &str, next: &str) -> bool {
    match (process, now) {
        // What is done for the last time looks like what was done first.
        (Process::Monitor, "release") | (Process::Box, "command") => false,
        (Process::Runtime, "release") => false,
        (Process::Box, _) => stage(next) >= stage(now),
        _ => true,
    }
}

/// A box never goes back: an open after the pivot is no mount any more.
fn stage(phase: &str) -> usize {
    match phase {
        "clone" | "gate" | "cgroup" | "network" => 0,
        "mounts" => 1,
        "pivot" => 2,
        "caps" | "seccomp" => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phases(calls: &[(Process, &str, &str)]) -> Vec<&'static str> {
        let mut phases = Phases::default();
        let call = |(process, name, arguments): &(Process, &str, &str)| Call {
            us: 0,
            process: *process,
            name: name.to_string(),
            arguments: arguments.to_string(),
            about: String::new(),
        };
        calls.iter().map(|c| phases.of(&call(c))).collect()
    }

    #[test]
    fn a_box_is_born_in_order() {
        let calls = [
            ("prctl", "PR_SET_PDEATHSIG, SIGKILL)"),
            ("write", "18, \"0\", 1)"),
            ("recvfrom", "26, \"g\", 1)"),
            ("mount", "\"proc\", \"/proc\")"),
            ("close", "5)"),
            ("pivot_root", "\".\", \".\")"),
            ("openat2", "AT_FDCWD, \"/\")"),
            ("prctl", "PR_CAPBSET_DROP, CAP_SYS_ADMIN)"),
            ("seccomp", "SECCOMP_SET_MODE_FILTER)"),
            ("execve", "\"/bin/true\")"),
            ("close_range", "3)"),
        ];
        let found = phases(&calls.map(|(name, arguments)| (Process::Box, name, arguments)));
        let wanted = [
            "clone", "cgroup", "gate", "mounts", "mounts", "pivot", "pivot", "caps", "seccomp",
            "exec", "command",
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn what_a_monitor_does_after_the_end_is_release() {
        let calls = [
            ("mkdir", "\"/sys/fs/cgroup/cpu/bxw-0-run-7\")"),
            ("clone3", "{flags=…})"),
            ("sendto", "25, \"g\", 1)"),
            ("poll", "[…])"),
            ("waitid", "P_PIDFD)"),
            ("rmdir", "\"/sys/fs/cgroup/cpu/bxw-0-run-7\")"),
        ];
        let found = phases(&calls.map(|(name, arguments)| (Process::Monitor, name, arguments)));
        assert_eq!(found, ["cgroup", "clone", "gate", "wait", "wait", "release"]);
    }
}
