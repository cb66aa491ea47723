//! `prune`: every box that does not run is forgotten.

use clap::{ArgMatches, Parser};
use ground::Result;

use super::{arguments, say};
use crate::beyond::runtime::store::Store;

/// Remove every box that does not run
#[derive(Parser)]
#[command(name = "prune")]
pub(super) struct Prune {
    /// Without asking; it never asks
    #[arg(short, long)]
    force: bool,
}

pub(super) fn run(matches: &ArgMatches) -> Result<u8> {
    let Prune { force: _ } = arguments(matches)?;
    let store = Store::open()?;
    store.remove_ruins()?;
    for boxed in store.boxes()? {
        let removed_by_another = |_| false;
        if boxed.look().map_or_else(removed_by_another, |state| !state.status.lives()) {
            store.remove(&boxed)?;
            say(&boxed.spec.id)?;
        }
    }
    Ok(0)
}
