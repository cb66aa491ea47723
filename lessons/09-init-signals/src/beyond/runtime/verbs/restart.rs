//! `restart`: stop, and start.

use clap::{ArgMatches, Parser};
use ground::Result;

use super::stop::stop;
use super::{arguments, each};
use crate::beyond::runtime::compose::PartsList;
use crate::beyond::runtime::flags::signal;
use crate::beyond::runtime::monitor::launch;

/// Stop boxes, and start them again
#[derive(Parser)]
#[command(name = "restart")]
pub(super) struct Restart {
    /// What is sent first, in place of --stop-signal
    #[arg(short, long, value_name = "SIGNAL", value_parser = signal)]
    signal: Option<i32>,
    /// Seconds until SIGKILL, in place of --stop-timeout
    #[arg(
        short,
        long = "timeout",
        visible_alias = "time",
        value_name = "SECONDS",
        allow_negative_numbers = true
    )]
    timeout: Option<i64>,
    /// Names, or beginnings of IDs
    #[arg(required = true, value_name = "BOX")]
    boxes: Vec<String>,
}

pub(super) fn run<P: PartsList>(matches: &ArgMatches) -> Result<u8> {
    let Restart { signal, timeout, boxes } = arguments(matches)?;
    each(&boxes, |_, boxed| {
        stop(boxed, signal, timeout)?;
        launch::<P>(boxed, None).map(drop)
    })
}
