//! `doctor`, `inspect`, `top` and `clean`: what belongs to no lesson.
#![allow(clippy::print_stderr)] // the one line of an error

use std::io::{self, IsTerminal, Write, stdout};
use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ground::call::IntoErrno;
use ground::error::Kind;
use ground::host::picture::{self, Scope};
use ground::host::sweep;
use ground::lesson::{Look, one_line};
use ground::needs::Need;
use ground::story::Face;
use ground::{Error, Result, card, doctor, guard, story, top};
use nix::unistd::Pid;

/// Look at this machine, at one process, and after what was left behind
#[derive(Parser)]
#[command(name = "00-ground", arg_required_else_help = false)]
struct Cli {
    #[command(flatten)]
    look: Look,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// What this machine can do, and the remedy for what it cannot
    Doctor,
    /// Who a process is, and its isolation card
    Inspect {
        /// Number of the process, as the host counts
        #[arg(value_parser = number, allow_negative_numbers = true)]
        pid: i32,
        /// Tell what it could do instead: capabilities, filters, users, files and devices within its reach
        #[arg(long)]
        powers: bool,
    },
    /// What host, processes and groups use, side by side: of every box that runs, and of processes
    Top {
        /// Numbers of processes, as the host counts
        #[arg(value_parser = number, allow_negative_numbers = true)]
        pids: Vec<i32>,
        /// One table, also on a terminal
        #[arg(long)]
        once: bool,
    },
    /// Remove what a killed lesson left behind
    Clean,
    /// A picture of the host, to be compared with a later one
    #[command(hide = true)]
    Picture {
        /// Only what carries the kit's prefix
        #[arg(long)]
        ours: bool,
    },
    /// Run a command, as tests do, where a lesson's mistakes cannot reach the host
    #[command(hide = true)]
    Guard {
        /// Command and arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<std::ffi::OsString>,
    },
    /// No experiments are here
    #[command(hide = true)]
    List {
        #[arg(long)]
        json: bool,
    },
}

/// A process has a number above 0.
fn number(word: &str) -> std::result::Result<i32, &'static str> {
    let number = word.parse().ok().filter(|number| *number > 0);
    number.ok_or("the number of a process is wanted, 1 or above")
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help was asked for.
        Err(e) if !e.use_stderr() => return ExitCode::from(u8::from(e.print().is_err())),
        Err(e) => return complain(&Error::usage(one_line(&e.to_string()))),
    };
    match doctor::proc_is_mounted().and_then(|()| perform(&cli)) {
        Ok(status) => ExitCode::from(status),
        Err(e) => complain(&e),
    }
}

fn complain(e: &Error) -> ExitCode {
    eprintln!("00-ground: {e}");
    ExitCode::from(e.status())
}

fn perform(cli: &Cli) -> Result<u8> {
    let json = cli.look.face(stdout().is_terminal()) == Face::Json;
    match &cli.verb {
        Verb::Doctor => diagnose(json),
        Verb::Inspect { pid, powers } => {
            let tell = if *powers { card::powers } else { card::inspect };
            inspect(&cli.look, Pid::from_raw(*pid), tell)
        }
        Verb::Top { pids, once } => {
            let pids: Vec<Pid> = pids.iter().copied().map(Pid::from_raw).collect();
            show_use(cli.look, &pids, *once)
        }
        Verb::Guard { command } => guarded(command),
        Verb::Clean => clean(json),
        Verb::Picture { ours } => {
            let scope = if *ours { Scope::Ours } else { Scope::Whole };
            say(0, &format!("{}\n", serde_json::json!(picture::take(scope)?)))
        }
        Verb::List { .. } => {
            let list = serde_json::json!({"lesson": "00", "name": "ground", "experiments": []});
            say(0, &format!("{list}\n"))
        }
    }
}

/// Becomes the command; without privilege nothing has to be guarded, and nothing can be.
fn guarded(command: &[std::ffi::OsString]) -> Result<u8> {
    if Need::Admin.is_met() {
        guard::leave_host()?;
    }
    let error = std::process::Command::new(&command[0]).args(&command[1..]).exec();
    Err(Error::os(format!("execve {}", command[0].display()), error.into_errno()))
}

fn diagnose(json: bool) -> Result<u8> {
    let diagnosis = doctor::examine()?;
    let line = |finding: &doctor::Finding| format!("{}\n", serde_json::json!(finding));
    let text = match json {
        true => diagnosis.findings.iter().map(line).collect(),
        false => doctor::render(&diagnosis),
    };
    say(diagnosis.status, &text)
}

fn inspect(look: &Look, pid: Pid, tell: fn(Pid) -> Result<()>) -> Result<u8> {
    look.tell_on(stdout(), stdout().is_terminal());
    let outcome = tell(pid);
    let written = story::stop();
    outcome?;
    written.map_or(Ok(0), unwritten)
}

fn show_use(look: Look, pids: &[Pid], once: bool) -> Result<u8> {
    let is_json = look.face(stdout().is_terminal()) == Face::Json;
    if look.is_live(stdout().is_terminal()) && !once {
        return top::live(pids, &mut stdout())?.map_or_else(unwritten, |()| Ok(0));
    }
    match is_json {
        true => say(0, &format!("{}\n", top::as_json(pids)?)),
        false => say(0, &top::once(pids)?),
    }
}

fn clean(json: bool) -> Result<u8> {
    let swept = sweep::sweep()?;
    let (removed, alive, failed) = (&swept.removed, &swept.alive, &swept.failed);
    let status = u8::from(!failed.is_empty());
    if json {
        let object = serde_json::json!({"removed": removed, "alive": alive, "failed": failed});
        return say(status, &format!("{object}\n"));
    }
    failed.iter().for_each(|line| eprintln!("failed  {line}"));
    let removed = removed.iter().map(|line| format!("removed {line}\n"));
    let mut text: String = removed.chain(alive.iter().map(|l| format!("left    {l}\n"))).collect();
    if swept.removed.is_empty() && failed.is_empty() {
        text.push_str("nothing to remove\n");
    }
    say(status, &text)
}

/// Writes the answer; `status` when it was written.
fn say(status: u8, text: &str) -> Result<u8> {
    let mut out = stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_or_else(unwritten, |()| Ok(status))
}

/// A reader that had enough (`| head`) ends us as SIGPIPE would; anything else is an error.
fn unwritten(e: io::Error) -> Result<u8> {
    match e.kind() {
        io::ErrorKind::BrokenPipe => Ok(128 + libc::SIGPIPE as u8),
        _ => Err(Error::new(Kind::Failed, format!("write the answer: {e}"))),
    }
}
