//! `kill`: a signal to the first process of a box.

use clap::{ArgMatches, Parser};
use ground::Result;

use super::pause::thaw;
use super::stop::send;
use super::{arguments, each};
use crate::beyond::runtime::flags::signal;
use crate::beyond::runtime::record::Status;

/// Send boxes a signal: SIGKILL, or another
#[derive(Parser)]
#[command(name = "kill")]
pub(super) struct Kill {
    /// TERM, SIGTERM or 15
    #[arg(short, long, value_name = "SIGNAL", default_value = "KILL", value_parser = signal)]
    signal: i32,
    /// Names, or beginnings of IDs
    #[arg(required = true, value_name = "BOX")]
    boxes: Vec<String>,
}

pub(super) fn run(matches: &ArgMatches) -> Result<u8> {
    let Kill { signal, boxes } = arguments(matches)?;
    each(&boxes, |_, boxed| {
        let state = boxed.look()?;
        let first = boxed.first(&state)?;
        if signal == libc::SIGKILL {
            // Where that cannot be written no policy starts it again either: its monitor cannot write.
            let _ = boxed.update(|state| state.stopped = true);
        }
        send(&first, signal)?;
        // In cgroup v1 not even SIGKILL reaches what is frozen.
        match signal == libc::SIGKILL && state.status == Status::Paused {
            true => thaw(boxed, &state),
            false => Ok(()),
        }
    })
}
