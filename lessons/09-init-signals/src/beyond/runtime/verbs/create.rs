//! `create`: `run` without the start.

use clap::{ArgMatches, Args, FromArgMatches};
use ground::lesson::{RunArgs, one_line};
use ground::{Error, Result};

use super::run::words;
use super::say;
use crate::beyond::runtime::record::Spec;
use crate::beyond::runtime::store::Store;
use crate::flags::Flags;

pub(super) fn command() -> clap::Command {
    let command = clap::Command::new("create").about("Make a box, and do not start it");
    RunArgs::<Flags>::augment_args(command)
}

pub(super) fn run(matches: &ArgMatches) -> Result<u8> {
    let wrong = |e: clap::Error| Error::usage(one_line(&e.to_string()));
    let RunArgs { flags, command, .. } =
        RunArgs::<Flags>::from_arg_matches(matches).map_err(wrong)?;
    if let Some(flag) = command.first().filter(|word| word.to_string_lossy().starts_with('-')) {
        let what = format!("unexpected argument {}", flag.display());
        return Err(Error::usage(what).remedy("--help shows the flags"));
    }
    let mut spec = Spec::new(&flags, &words("create"), &command)?;
    let _nobody_prunes = spec.choose_image(&flags)?;
    let store = Store::open()?;
    spec.choose_network(&flags, &store)?;
    say(store.create(spec)?.spec.id)?;
    Ok(0)
}
