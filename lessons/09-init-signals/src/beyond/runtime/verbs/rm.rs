//! `rm`: a box is forgotten.

use clap::{ArgMatches, Parser};
use ground::error::Kind;
use ground::{Error, Result};

use super::stop::stop;
use super::{arguments, each};

/// Remove boxes
#[derive(Parser)]
#[command(name = "rm")]
pub(super) struct Rm {
    /// Kill those that run
    #[arg(short, long)]
    force: bool,
    /// Names, or beginnings of IDs
    #[arg(required = true, value_name = "BOX")]
    boxes: Vec<String>,
}

pub(super) fn run(matches: &ArgMatches) -> Result<u8> {
    let Rm { force, boxes } = arguments(matches)?;
    each(&boxes, |store, boxed| {
        match boxed.look()?.status.lives() {
            false => {}
            true if force => stop(boxed, Some(libc::SIGKILL), None)?,
            true => {
                let what = format!("{} is running", boxed.spec.name);
                return Err(Error::new(Kind::Failed, what).remedy("`stop` it, or rm --force"));
            }
        }
        store.remove(boxed)
    })
}
