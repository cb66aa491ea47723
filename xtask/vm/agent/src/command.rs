//! Runs the command, carries its input and output, reaps whoever is left to the first process.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use vm_agent::frame::{self, Kind};
use vm_agent::job::Job;

use crate::{Doing, Result, sys};

/// How long output may be on its way through a terminal after the command has ended.
const TERMINAL_LAG: Duration = Duration::from_millis(200);

/// The command's ends on our side.
struct Ends {
    stdin: Option<File>,
    outputs: Vec<(File, Kind)>,
    terminal: Option<File>,
}

/// Runs the job's command to its end and tells the other side how it ended.
pub fn run(job: &Job, port: &File) -> Result<()> {
    let (child, ends) = start(job)?;
    let port = || port.try_clone().doing("duplicate the port");
    let (stdin, terminal, input) = (ends.stdin, ends.terminal, port()?);
    thread::spawn(move || feed(input, stdin, terminal));
    let (port, outputs) = (Arc::new(Mutex::new(port()?)), Arc::new(ends.outputs));
    let pumps = (0..outputs.len()).map(|n| {
        let (port, outputs) = (port.clone(), outputs.clone());
        thread::spawn(move || pump(&outputs[n].0, outputs[n].1, &port))
    });
    let pumps: Vec<_> = pumps.collect();
    let status = reap(&child).doing("waitpid")?;
    let lag = if job.terminal.is_some() { TERMINAL_LAG } else { Duration::ZERO };
    let ended = Instant::now();
    let all_read = || {
        let empty = outputs.iter().all(|(output, _)| sys::waiting(output) == 0);
        pumps.iter().all(JoinHandle::is_finished) || (empty && ended.elapsed() >= lag)
    };
    report(status, &port, all_read)
}

/// Says how the command has ended once all it wrote is on its way. No pump sees an end of file as
/// long as a daemon holds the other end, so what counts is that nothing waits to be read.
fn report(status: u8, port: &Mutex<File>, all_read: impl Fn() -> bool) -> Result<()> {
    loop {
        let mut locked = port.lock().map_err(|_| "a thread has failed")?;
        if all_read() {
            return frame::write(&mut *locked, Kind::Exit, &[status]).doing("write to the port");
        }
        drop(locked);
        thread::sleep(Duration::from_millis(1));
    }
}

fn start(job: &Job) -> Result<(Child, Ends)> {
    let (program, args) = job.args.split_first().ok_or("no command")?;
    let mut command = Command::new(program);
    command.args(args).current_dir(&job.cwd).env_clear();
    for variable in &job.env {
        let mut parts = variable.as_bytes().splitn(2, |byte| *byte == b'=');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        command.env(std::ffi::OsStr::from_bytes(name), std::ffi::OsStr::from_bytes(value));
    }
    let ends = match job.terminal {
        Some(window) => with_terminal(&mut command, window),
        None => with_pipes(&mut command),
    };
    let ends = ends.doing("give the command its input and output")?;
    let name = program.display();
    let child = command.spawn().doing(&format!("start {name} in the machine"))?;
    Ok((child, ends))
}

fn with_terminal(command: &mut Command, window: (u16, u16)) -> io::Result<Ends> {
    let (master, slave) = sys::open_terminal()?;
    sys::set_window(&master, window)?;
    command.stdin(slave.try_clone()?).stdout(slave.try_clone()?).stderr(slave);
    sys::lead_session(command, true);
    let master = File::from(master);
    Ok(Ends {
        stdin: Some(master.try_clone()?),
        terminal: Some(master.try_clone()?),
        outputs: vec![(master, Kind::Stdout)],
    })
}

fn with_pipes(command: &mut Command) -> io::Result<Ends> {
    let (theirs, stdin) = io::pipe()?;
    let (stdout, their_stdout) = io::pipe()?;
    let (stderr, their_stderr) = io::pipe()?;
    command.stdin(theirs).stdout(their_stdout).stderr(their_stderr);
    sys::lead_session(command, false);
    let file = |end: OwnedFd| File::from(end);
    Ok(Ends {
        stdin: Some(file(stdin.into())),
        terminal: None,
        outputs: vec![(file(stdout.into()), Kind::Stdout), (file(stderr.into()), Kind::Stderr)],
    })
}

/// Carries stdin and window sizes to the command. A command that does not read loses nothing but
/// what is sent to it.
fn feed(mut port: File, mut stdin: Option<File>, terminal: Option<File>) {
    while let Ok((kind, payload)) = frame::read(&mut port) {
        match (kind, &payload[..], &terminal) {
            (Kind::Stdin, [], _) => stdin = None,
            (Kind::Stdin, bytes, _) => {
                let written = stdin.as_mut().map(|stdin| stdin.write_all(bytes));
                if matches!(written, Some(Err(_))) {
                    stdin = None;
                }
            }
            (Kind::Window, &[a, b, c, d], Some(terminal)) => {
                let window = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
                if let Err(error) = sys::set_window(terminal.as_fd(), window) {
                    eprintln!("TIOCSWINSZ: {error}");
                }
            }
            _ => {}
        }
    }
}

/// Carries one output to the port. It reads only with the port locked, so that nothing is between
/// pipe and port when somebody else has the lock.
fn pump(mut output: &File, kind: Kind, port: &Mutex<File>) {
    let mut bytes = vec![0; 32 * 1024 - 5];
    while sys::wait_readable(output).is_ok() {
        let Ok(mut port) = port.lock() else { return };
        // A terminal whose last process is gone reports an error, a pipe reports its end.
        let Ok(length @ 1..) = output.read(&mut bytes) else { return };
        if let Err(error) = frame::write(&mut *port, kind, &bytes[..length]) {
            eprintln!("write to the port: {error}");
        }
    }
}

/// Waits for all children, whoever left them here, until it is the command's turn.
fn reap(child: &Child) -> io::Result<u8> {
    loop {
        let (pid, status) = sys::wait_any()?;
        if u32::try_from(pid) == Ok(child.id()) {
            let code = status.code().unwrap_or(128 + status.signal().unwrap_or(0));
            return Ok(code as u8);
        }
    }
}
