//! `exec`: one more command in a box.
//!
//! It is made of the same list of parts: born in the box's groups, in its namespaces, and sealed as its first process was.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::{ArgMatches, Parser};
use clone_pid::{Child, Running};
use ground::call::quietly;
use ground::error::Kind;
use ground::lesson::adopt_run;
use ground::needs::{Need, in_initial_user_namespace};
use ground::{Error, Result};
use nix::sched::CloneFlags;
use nix::unistd::setsid;

use veth::beyond::network::Mode;

use super::arguments;
use crate::beyond::runtime::attach::{Outcome, Session, window};
use crate::beyond::runtime::compose::{PartsList, container};
use crate::beyond::runtime::flags::environment;
use crate::beyond::runtime::line::Line;
use crate::beyond::runtime::monitor::null;
use crate::beyond::runtime::monitor::wire::{Message, Wire};
use crate::beyond::runtime::record::{State, Status};
use crate::beyond::runtime::store::Store;
use crate::beyond::runtime::terminal::Console;
use crate::beyond::runtime::{boxed::Boxed, sys, users};
use crate::flags::Flags;

/// Run one more command in a box
#[derive(Parser)]
#[command(name = "exec")]
pub(super) struct Exec {
    /// Do not wait for it
    #[arg(short, long)]
    detach: bool,
    /// Give it our standard input
    #[arg(short, long)]
    interactive: bool,
    /// Give it a terminal
    #[arg(short, long)]
    tty: bool,
    /// A variable of its environment
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// A file with a variable on each line
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,
    /// With every capability, and every system call
    #[arg(long)]
    privileged: bool,
    /// User and group, by number or by name in the box
    #[arg(short, long, value_name = "UID[:GID]|NAME[:GROUP]")]
    user: Option<OsString>,
    /// Directory in the box where it begins
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<OsString>,
    /// Name, or beginning of an ID
    #[arg(value_name = "BOX")]
    boxed: String,
    /// Command and arguments
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "COMMAND"
    )]
    command: Vec<OsString>,
}

impl Exec {
    /// The flags of `run` that say the same: they are put behind those of the box.
    fn words(&self) -> Vec<OsString> {
        let one = |flag: &str, value: &OsString| [OsString::from(flag), value.clone()];
        let user = self.user.iter().flat_map(|user| one("--user", user));
        let workdir = self.workdir.iter().flat_map(|dir| one("--workdir", dir));
        let privileged = self.privileged.then(|| OsString::from("--privileged"));
        user.chain(workdir).chain(privileged).collect()
    }
}

pub(super) fn run<P: PartsList>(matches: &ArgMatches) -> Result<u8> {
    let exec: Exec = arguments(matches)?;
    let boxed = Store::open()?.find(&exec.boxed)?;
    let state = boxed.look()?;
    let first = boxed.first(&state)?;
    if state.status == Status::Paused {
        let what = format!("{} is paused", boxed.spec.name);
        return Err(Error::new(Kind::Failed, what).remedy("`unpause` it"));
    }
    adopt_run(&state.run)?;
    match Need::Admin.is_met() {
        true => boxed.shares_users(&state, "leave --rootless out: exec goes to it")?,
        false => users::join(&state, CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?,
    }
    let (mut flags, argv) = boxed.understand(&exec.words(), Some(&exec.command))?;
    // For its host name. It has the network already, even if the other box has ended.
    let _ = boxed.join_network(&mut flags);
    if flags.network.is_none() && !in_initial_user_namespace() {
        // It is that of the box, about which everything was said when that was started.
        flags.lesson_06().network = Some(Mode::None);
    }
    if flags.layer.iter().any(|layer| layer.is_relative()) {
        boxed.chdir()?;
    }
    flags.runtime.tty = exec.tty;
    // An entrypoint stands before the command of the box, and of no other.
    flags.runtime.entrypoint = Some(OsString::new());
    match exec.detach {
        true => leave::<P>(&exec, &boxed, &state, &mut flags, &argv),
        false => stay::<P>(&exec, &boxed, &first, &mut flags, &argv),
    }
}

// ANCHOR: exec
/// The guest, in the namespaces of the box's first process.
fn guest<P: PartsList>(
    exec: &Exec,
    boxed: &Boxed,
    first: &Child,
    flags: &Flags,
    argv: &[OsString],
) -> Result<Running> {
    let mut env = boxed.spec.env.clone();
    env.extend(environment(&exec.env_file, &exec.env)?);
    let container = container::<P>(flags, &env, argv)?;
    let container = match exec.interactive || exec.tty {
        true => container,
        false => container.stdio([Some(null()?), None, None]),
    };
    container.join(first)
}
// ANCHOR_END: exec

fn stay<P: PartsList>(
    exec: &Exec,
    boxed: &Boxed,
    first: &Child,
    flags: &mut Flags,
    argv: &[OsString],
) -> Result<u8> {
    if !exec.tty {
        let running = guest::<P>(exec, boxed, first, flags, argv)?;
        return Ok(running.wait_passing_signals()?.code());
    }
    let console = Console::new(window())?;
    flags.runtime.console = Some(console.clone());
    let running = guest::<P>(exec, boxed, first, flags, argv)?;
    let line = Line::terminal(console.master()?)?;
    match Session::begin(line, true, exec.interactive)?.run()? {
        Outcome::Ended(_) => Ok(running.wait_passing_signals()?.code()),
        // Its parent is this process.
        Outcome::Detached => running.kill().map(|_| 0),
    }
}

/// Somebody must wait for it, or it stays a zombie that the box cannot end with: a process that does nothing else.
fn leave<P: PartsList>(
    exec: &Exec,
    boxed: &Boxed,
    state: &State,
    flags: &mut Flags,
    argv: &[OsString],
) -> Result<u8> {
    let (ours, theirs) = Wire::pair()?;
    let _ = std::io::stdout().flush();
    if quietly("fork").run(sys::fork)?.is_some() {
        drop(theirs);
        return match ours.receive() {
            Some(Message::Ready) => Ok(0),
            Some(Message::Failed(error)) => Err(error),
            _ => Err(Error::new(Kind::Failed, "the process that should wait for it was killed")),
        };
    }
    drop(ours);
    let started = wait_for::<P>(exec, boxed, state, flags, argv);
    let running = match started {
        Ok(running) => running,
        Err(error) => {
            let _ = theirs.send(&Message::Failed(error));
            crate::sys::exit_now(1)
        }
    };
    let _ = theirs.send(&Message::Ready);
    drop(theirs);
    let status = running.wait_passing_signals();
    crate::sys::exit_now(status.map_or(125, |status| status.code()))
}

fn wait_for<P: PartsList>(
    exec: &Exec,
    boxed: &Boxed,
    state: &State,
    flags: &mut Flags,
    argv: &[OsString],
) -> Result<Running> {
    quietly("setsid").run(setsid)?;
    let stdio = null()?;
    let what = "dup2 to standard input, output and error";
    quietly(what).run(|| nix::unistd::dup2_stdin(&stdio))?;
    quietly(what).run(|| nix::unistd::dup2_stdout(&stdio))?;
    quietly(what).run(|| nix::unistd::dup2_stderr(&stdio))?;
    // A descriptor of the starter's would be of this process, too, and the guest's parent must be this one.
    let first = boxed.first(state)?;
    let console = if exec.tty { Some(Console::new(None)?) } else { None };
    flags.runtime.console = console.clone();
    let running = guest::<P>(exec, boxed, &first, flags, argv)?;
    // Nobody reads the terminal, but it must be there as long as the command.
    if let Some(console) = console {
        std::mem::forget(console.master()?);
    }
    Ok(running)
}
