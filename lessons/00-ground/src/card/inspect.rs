//! `inspect PID`: who the process is, and its card.

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::{Pid, Uid, User};

use super::{Card, host};
use crate::error::{Error, Result};
use crate::needs::Need;
use crate::proc::Process;
use crate::proc::cgroup::Membership;
use crate::proc::status::Status;
use crate::story;
use crate::text::{name, path};

/// Columns for a command line.
const WIDTH: usize = 76;

/// Tells who a process is, and its card.
///
/// # Errors
/// When there is no such process; kind `Environment` when there is, and `/proc` hides it.
pub fn inspect(pid: Pid) -> Result<()> {
    let process = Process::of(pid);
    let status = process.status().map_err(|e| if is_hidden(pid, &e) { hidden(pid) } else { e })?;
    let card = Card::of(&process)?;
    let host = host()?;
    let (command, groups) = (process.read("cmdline")?, process.cgroups()?);
    story::evidence(process.file("cmdline"), name(command_line(&command, pid, &status)));
    story::evidence(process.file("status, effective user"), name(user(&status)));
    story::evidence(process.file("cgroup"), path(group_names(&groups)));
    card.tell()?;
    if card.has_unknown() && !host.has_unknown() {
        let who = match Need::InitialRoot.is_met() {
            true => "the kernel keeps them from root, too",
            false => "the process belongs to another user",
        };
        story::note(format!("unknown rows: {who}, or its groups are not mounted here"));
    }
    Ok(())
}

/// Mounted with `hidepid`, `/proc` does not show other users' processes; a signal would still reach them, or be refused.
fn is_hidden(pid: Pid, error: &Error) -> bool {
    error.errno() == Some(Errno::ENOENT) && !matches!(kill(pid, None), Err(Errno::ESRCH))
}

fn hidden(pid: Pid) -> Error {
    Error::environment(format!("process {pid} exists, but /proc is mounted with hidepid"))
        .remedy("run with sudo")
}

/// Arguments are separated by NUL; kernel threads have none.
fn command_line(text: &str, pid: Pid, status: &Status) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    let line: String = text.trim_end_matches('\0').chars().map(shown).collect();
    let is_kernel_thread = status.ppid == 2 || pid == Pid::from_raw(2);
    match (line.is_empty(), line.char_indices().nth(WIDTH)) {
        (true, _) if is_kernel_thread => format!("[{}], a kernel thread", status.name),
        (true, _) => format!("[{}], without arguments", status.name),
        (_, Some((end, _))) => format!("{}…", &line[..end]),
        (_, None) => line,
    }
}

fn user(status: &Status) -> String {
    let uid = status.uid.get(1).copied().unwrap_or(u32::MAX);
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    match user {
        Some(user) => format!("{uid} ({})", user.name),
        None => uid.to_string(),
    }
}

/// The path, when it is the same in every hierarchy; else each path with its controllers.
fn group_names(groups: &[Membership]) -> String {
    let mut paths: Vec<(&str, Vec<&str>)> = Vec::new();
    for group in groups {
        let names: Vec<&str> = match group.is_v2() {
            true => vec!["v2"],
            false => group.controllers.iter().map(String::as_str).collect(),
        };
        match paths.iter_mut().find(|(path, _)| *path == group.path) {
            Some((_, all)) => all.extend(names),
            None => paths.push((&group.path, names)),
        }
    }
    let several = |(path, names): &(&str, Vec<&str>)| format!("{path} ({})", names.join(" "));
    match &paths[..] {
        [] => "none".into(),
        [(path, _)] => path.to_string(),
        some => some.iter().map(several).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc::cgroup;

    #[test]
    fn a_command_line_is_one_line() {
        let status = Status { name: "x".into(), ppid: 1, ..Status::default() };
        let line = |text: &str| command_line(text, Pid::from_raw(7), &status);
        assert_eq!(line("sh\0-c\0a\nb\0"), "sh -c a b");
        assert_eq!(line(""), "[x], without arguments");
        assert_eq!(line(&"ä".repeat(100)).chars().count(), WIDTH + 1);
    }

    #[test]
    fn a_kernel_thread_is_a_child_of_kthreadd() {
        let status = Status { name: "kworker/0:1".into(), ppid: 2, ..Status::default() };
        let line = command_line("", Pid::from_raw(7), &status);
        assert_eq!(line, "[kworker/0:1], a kernel thread");
    }

    #[test]
    fn groups_are_told_by_path() {
        let names = |text| group_names(&cgroup::parse(text).unwrap());
        assert_eq!(names("2:cpu,cpuacct:/box\n1:pids:/box\n0::/box\n"), "/box");
        assert_eq!(names("2:cpu:/box\n1:pids:/\n0::/\n"), "/box (cpu), / (pids v2)");
        assert_eq!(names(""), "none");
    }
}
