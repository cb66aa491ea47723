//! `rename`: another name for a box.

use clap::{ArgMatches, Parser};
use ground::Result;

use super::arguments;
use crate::beyond::runtime::flags::name;
use crate::beyond::runtime::store::Store;

/// Give a box another name
#[derive(Parser)]
#[command(name = "rename")]
pub(super) struct Rename {
    /// Name, or beginning of an ID
    #[arg(value_name = "BOX")]
    boxed: String,
    /// What it is to be called
    #[arg(value_parser = name)]
    name: String,
}

pub(super) fn run(matches: &ArgMatches) -> Result<u8> {
    let arguments: Rename = arguments(matches)?;
    let store = Store::open()?;
    let boxed = store.find(&arguments.boxed)?;
    store.rename(&boxed, &arguments.name)?;
    Ok(0)
}
