//! `start`: a box that was made, or has ended, runs.

use clap::{ArgMatches, Parser};
use ground::error::Kind;
use ground::{Error, Result};

use super::run::stay;
use super::{arguments, each};
use crate::beyond::runtime::attach::{Session, window};
use crate::beyond::runtime::compose::PartsList;
use crate::beyond::runtime::line::Line;
use crate::beyond::runtime::monitor::launch;
use crate::beyond::runtime::store::Store;

/// Start boxes that were made or have ended
#[derive(Parser)]
#[command(name = "start")]
pub(super) struct Start {
    /// Stay attached to it
    #[arg(short, long)]
    attach: bool,
    /// What is typed goes to it
    #[arg(short, long)]
    interactive: bool,
    /// Names, or beginnings of IDs
    #[arg(required = true, value_name = "BOX")]
    boxes: Vec<String>,
}

pub(super) fn run<P: PartsList>(matches: &ArgMatches) -> Result<u8> {
    let Start { attach, interactive, boxes } = arguments(matches)?;
    if !attach && !interactive {
        return each(&boxes, |_, boxed| match boxed.look()?.status.lives() {
            true => Ok(()),
            false => launch::<P>(boxed, None).map(drop),
        });
    }
    let [word] = &boxes[..] else {
        return Err(Error::usage("one can be attached to one box only"));
    };
    let boxed = Store::open()?.find(word)?;
    if boxed.look()?.status.lives() {
        let what = format!("{word} is running already");
        return Err(Error::new(Kind::Failed, what).remedy("use `attach`"));
    }
    let wire = launch::<P>(&boxed, window())?;
    stay(Session::begin(Line::Monitor(wire), boxed.spec.tty, interactive)?)
}
