//! What demo and experiments share: boxes, their processes as the host sees them, and signals from outside.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use clone_pid::beyond::boxed;
use clone_pid::{Container, IpcNamespace, Output, PidNamespace, Running};
use ground::call::{doing, quietly};
use ground::error::Kind;
use ground::proc::Process;
use ground::proc::status::Status;
use ground::rootfs::probe;
use ground::story::{evidence, muted};
use ground::text::pid;
use ground::{Error, Result, interrupt};
use init_signals::{Init, signal_name};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Signals 1 to 31. What a box does about real-time signals is what whoever started the lesson did.
pub const STANDARD: u64 = (1 << 31) - 1;

/// A box with any command, its output captured.
pub fn command(words: &[&str]) -> Result<Container> {
    let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
    Ok(Container::new(&words)?.capture()?.with(PidNamespace).with(IpcNamespace))
}

/// A box whose PID 1 is the kit's init, and whose command is the probe.
pub fn with_init(script: &str) -> Result<Container> {
    Ok(boxed(script)?.with(Init::wanted(true)))
}

/// The probe, for scripts of a shell.
pub fn probe_path() -> Result<String> {
    Ok(probe()?.to_string_lossy().into_owned())
}

/// Starts a box and waits until it prints this line.
pub fn started(container: Container, last: &str) -> Result<Running> {
    let mut running = container.start()?;
    until(&mut running, last)?;
    Ok(running)
}

/// Reads what a box prints up to this line.
pub fn until(running: &mut Running, last: &str) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    while let Some(line) = running.line()? {
        if line == last {
            return Ok(lines);
        }
        lines.push(line);
    }
    let what = format!("the box ended before it said {last:?}; it said {lines:?}");
    Err(Error::new(Kind::Failed, what))
}

/// Reads until it has printed all of these lines, in any order.
pub fn until_all(running: &mut Running, lines: &[&str]) -> Result<()> {
    let mut missing = lines.to_vec();
    while !missing.is_empty() {
        let line = running.line()?.ok_or_else(|| {
            Error::new(Kind::Failed, format!("the box ended before it said {missing:?}"))
        })?;
        missing.retain(|wanted| *wanted != line);
    }
    Ok(())
}

/// The children of a process, as the host counts, zombies included.
pub fn children(of: Pid) -> Result<Vec<Pid>> {
    let file = PathBuf::from(format!("/proc/{of}/task/{of}/children"));
    let text = quietly(format_args!("read /proc/{0}/task/{0}/children", pid(of)))
        .run(|| fs::read_to_string(file))?;
    Ok(text.split_whitespace().filter_map(|word| word.parse().ok()).map(Pid::from_raw).collect())
}

/// Children of PID 1 of a box, with what the kernel says of them.
pub fn family(running: &Running) -> Result<Vec<(Pid, Status)>> {
    let children = children(running.child().pid())?;
    // One that has just been waited for is gone.
    Ok(children.into_iter().filter_map(|p| Some((p, Process::of(p).status().ok()?))).collect())
}

/// How many of them are zombies.
pub fn zombies(running: &Running) -> Result<usize> {
    Ok(family(running)?.iter().filter(|(_, status)| status.state == 'Z').count())
}

/// The state letter of a process; `None` when it is gone.
pub fn state(process: Pid) -> Option<char> {
    Process::of(process).status().ok().map(|status| status.state)
}

/// State of PID 1, told.
pub fn tell_state(running: &Running) -> Result<char> {
    let process = running.child().process();
    let state = process.status()?.state;
    evidence(format!("{}, State", process.file("status")), state);
    Ok(state)
}

/// Asks until it is so, at most five seconds; says whether it came to be.
pub fn comes_true(mut ask: impl FnMut() -> Result<bool>) -> Result<bool> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        if ask()? {
            return Ok(true);
        }
        interrupt::sleep(Duration::from_millis(2));
    }
    Ok(false)
}

/// Waits until a process is in one of these states.
pub fn reaches(process: Pid, states: &str) -> Result<bool> {
    comes_true(|| Ok(state(process).is_some_and(|state| states.contains(state))))
}

/// Sends a signal to a process by its number on the host.
pub fn send(to: Pid, signal: Signal) -> Result<()> {
    let short = signal.as_str().trim_start_matches("SIG");
    doing(format_args!("kill {signal} {}", pid(to)))
        .like_args(format_args!("kill -{short} {}", pid(to)))
        .run(|| kill(to, signal))
}

/// A guest in the box's PID namespace sends PID 1 a signal; what kill(2) returned there.
pub fn kill_from_inside(running: &Running, signal: i32) -> Result<String> {
    let script = format!("kill 1 {signal}");
    let output = muted(|| guest(running, &script))?;
    let answer = output.text.lines().next().and_then(|line| line.rsplit_once(" = "));
    let answer = answer.map_or("nothing", |(_, answer)| answer).to_string();
    ground::story::box_evidence(format!("kill(1, {})", signal_name(signal)), &answer);
    Ok(answer)
}

/// Performs probe verbs in the box's namespaces, to the end.
pub fn guest(running: &Running, script: &str) -> Result<Output> {
    boxed(script)?.join(running.child())?.output()
}

/// What a process is called.
pub fn comm(process: Pid) -> Result<String> {
    Ok(Process::of(process).status()?.name)
}

/// The name of a process and its number, as the host counts.
pub fn called(process: Pid) -> String {
    format!("{} ({})", comm(process).unwrap_or_else(|_| "gone".into()), pid(process))
}
