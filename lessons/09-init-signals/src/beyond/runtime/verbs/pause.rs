//! `pause` and `unpause`: the freezer of lesson 04.

use cgroup_cpu::Paused;
use clap::{ArgMatches, Parser};
use ground::cgroup::{self, Controller, Place};
use ground::error::Kind;
use ground::{Error, Result};

use super::{arguments, each};
use crate::beyond::runtime::boxed::Boxed;
use crate::beyond::runtime::record::{State, Status};

/// Freeze boxes: every process of them stands still
#[derive(Parser)]
#[command(name = "pause")]
pub(super) struct Pause {
    /// Names, or beginnings of IDs
    #[arg(required = true, value_name = "BOX")]
    boxes: Vec<String>,
}

/// Let frozen boxes go on
#[derive(Parser)]
#[command(name = "unpause")]
pub(super) struct Unpause {
    /// Names, or beginnings of IDs
    #[arg(required = true, value_name = "BOX")]
    boxes: Vec<String>,
}

pub(super) fn pause(matches: &ArgMatches) -> Result<u8> {
    let Pause { boxes } = arguments(matches)?;
    each(&boxes, |_, boxed| {
        let state = boxed.look()?;
        boxed.first(&state)?;
        if state.status == Status::Paused {
            let what = format!("{} is paused already", boxed.spec.name);
            return Err(Error::new(Kind::Failed, what));
        }
        // First: if we are killed in between, whoever finds it frozen finds this, too. It may have ended just now.
        turn(boxed, Status::Running, Status::Paused)?;
        let paused = place(boxed, &state, Controller::FREEZER).and_then(Paused::begin);
        if paused.is_err() {
            let _ = turn(boxed, Status::Paused, Status::Running);
        }
        paused.map(Paused::stay)
    })
}

/// From one state to another, if it is in that.
fn turn(boxed: &Boxed, from: Status, to: Status) -> Result<()> {
    let change = |state: &mut State| {
        if state.status == from {
            state.status = to;
        }
    };
    boxed.update(change).map(drop)
}

pub(super) fn unpause(matches: &ArgMatches) -> Result<u8> {
    let Unpause { boxes } = arguments(matches)?;
    each(&boxes, |_, boxed| {
        let state = boxed.look()?;
        boxed.first(&state)?;
        match state.status {
            Status::Paused => thaw(boxed, &state),
            _ => Err(Error::new(Kind::Failed, format!("{} is not paused", boxed.spec.name))),
        }
    })
}

/// Lets a box go on.
pub(super) fn thaw(boxed: &Boxed, state: &State) -> Result<()> {
    Paused::found(place(boxed, state, Controller::FREEZER)?).resume()?;
    turn(boxed, Status::Paused, Status::Running)
}

/// The group of a box in one hierarchy: it is called after the run of its monitor.
pub(in crate::beyond::runtime) fn place(
    boxed: &Boxed,
    state: &State,
    controller: Controller,
) -> Result<Place> {
    let flags = boxed.spec.understand(&[], None)?.0;
    let parent = match &flags.cgroup_parent {
        Some(path) => cgroup::below(controller, path)?,
        None => cgroup::parent(controller)?,
    };
    Ok(parent.child(&state.run))
}
