//! `06-veth topology [PID] [--json]`.

use std::io::{Write, stdout};

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser};
use ground::call::IntoErrno;
use ground::lesson::OwnVerb;
use ground::{Error, Result};

use super::{draw, read};

/// Draw the network namespaces of this machine, and the cables between them
#[derive(Parser)]
#[command(name = "topology")]
struct Arguments {
    /// Only the namespace of this process, and ours
    #[arg(value_parser = clap::value_parser!(i32).range(1..))]
    pid: Option<i32>,
    /// One JSON object a namespace and line
    #[arg(long)]
    json: bool,
}

/// The verb.
pub const VERB: OwnVerb = OwnVerb { command: Arguments::command, run, like_run: false };

fn run(matches: &ArgMatches) -> Result<u8> {
    let arguments = Arguments::from_arg_matches(matches)
        .map_err(|e| Error::usage(e.to_string().lines().next().unwrap_or_default()))?;
    let all = read(arguments.pid)?;
    let line = |stack| format!("{}\n", serde_json::json!(stack));
    let text = if arguments.json { all.iter().map(line).collect() } else { draw(&all) };
    match stdout().lock().write_all(text.as_bytes()) {
        // A reader that had enough (`| head`).
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(128 + libc::SIGPIPE as u8),
        Err(e) => Err(Error::os("write the topology", e.into_errno())),
        Ok(()) => Ok(0),
    }
}
