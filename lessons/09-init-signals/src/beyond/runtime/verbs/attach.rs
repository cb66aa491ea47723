//! `attach`: see what a box writes, and type into it.

use clap::{ArgMatches, Parser};
use ground::Result;
use ground::host::state_dir;

use super::arguments;
use super::run::stay;
use crate::beyond::runtime::attach::Session;
use crate::beyond::runtime::boxed::Boxed;
use crate::beyond::runtime::line::Line;
use crate::beyond::runtime::monitor::wire::Wire;
use crate::beyond::runtime::store::Store;

/// See what a box writes, and type into it; Ctrl-P Ctrl-Q leaves a terminal
#[derive(Parser)]
#[command(name = "attach")]
pub(super) struct Attach {
    /// Only look
    #[arg(long)]
    no_stdin: bool,
    /// Name, or beginning of an ID
    #[arg(value_name = "BOX")]
    boxed: String,
}

pub(super) fn run(matches: &ArgMatches) -> Result<u8> {
    let Attach { no_stdin, boxed } = arguments(matches)?;
    let boxed = Store::open()?.find(&boxed)?;
    let wire = connect(&boxed)?;
    let interactive = boxed.spec.understand(&[], None)?.0.runtime.interactive;
    stay(Session::begin(Line::Monitor(wire), boxed.spec.tty, interactive && !no_stdin)?)
}

/// To its monitor.
fn connect(boxed: &Boxed) -> Result<Wire> {
    let state = boxed.look()?;
    let _first = boxed.first(&state)?;
    let run = state.run.find("run-").map_or("", |at| &state.run[at..]);
    Wire::connect(&state_dir()?.join(run).join("attach"))
}
