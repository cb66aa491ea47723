//! `restart`: stop, and start.

use clap::{ArgMatches, Parser};
use ground::Result;

use super::stop::{Ending, stop};
use super::{arguments, each};
use crate::beyond::runtime::compose::PartsList;
use crate::beyond::runtime::monitor::launch;

/// Stop boxes, and start them again
#[derive(Parser)]
#[command(name = "restart")]
pub(super) struct Restart {
    #[command(flatten)]
    ending: Ending,
}

pub(super) fn run<P: PartsList>(matches: &ArgMatches) -> Result<u8> {
    let Restart { ending: Ending { signal, timeout, boxes } } = arguments(matches)?;
    each(&boxes, |_, boxed| {
        stop(boxed, signal, timeout)?;
        launch::<P>(boxed, None).map(drop)
    })
}
