//! `wait`: how a box ends.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::time::Duration;

use clap::{ArgMatches, Parser};
use ground::call::quietly;
use ground::{Error, Result, interrupt};

use super::{arguments, complain, say};
use crate::beyond::runtime::boxed::Boxed;
use crate::beyond::runtime::record::{State, Status};
use crate::beyond::runtime::store::Store;

/// Wait until boxes end, and print their status
#[derive(Parser)]
#[command(name = "wait")]
pub(super) struct Wait {
    /// Names, or beginnings of IDs
    #[arg(required = true, value_name = "BOX")]
    boxes: Vec<String>,
}

pub(super) fn run(matches: &ArgMatches) -> Result<u8> {
    let Wait { boxes } = arguments(matches)?;
    let store = Store::open()?;
    // All are found, and their files open, before the first is waited for: the others may be removed when they end.
    let mut status = 0;
    let mut opened: Vec<(Boxed, File)> = Vec::new();
    for word in &boxes {
        match store.find(word).and_then(|boxed| open(&boxed).map(|file| (boxed, file))) {
            Ok(one) => opened.push(one),
            Err(e) => {
                status = e.status();
                complain(&e);
            }
        }
    }
    for (boxed, mut file) in opened {
        say(end(&boxed, &mut file)?)?;
    }
    Ok(status)
}

fn open(boxed: &Boxed) -> Result<File> {
    quietly(format_args!("open exit of {}", boxed.short()))
        .run(|| File::open(boxed.dir.join("exit")))
}

/// Its parent writes the status into this file when it ends, and that can be read even when the box has been removed.
fn end(boxed: &Boxed, file: &mut File) -> Result<u8> {
    loop {
        let state = boxed.look().unwrap_or_default();
        let text = quietly("read the status").run(|| {
            let mut text = String::new();
            file.rewind()?;
            file.read_to_string(&mut text).map(|_| text)
        })?;
        match (status(&text), state.status.lives()) {
            (Some(code), _) if state.pid.is_none() => return Ok(code),
            (Some(_), _) | (None, true) => interrupt::sleep(Duration::from_millis(10)),
            (None, false) if fs::exists(&boxed.dir).unwrap_or(false) => return Ok(known(&state)),
            (None, false) => return Err(Error::environment("it was removed before it ended")),
        }
    }
}

/// Of one that was never started, or whose end could not be written.
fn known(state: &State) -> u8 {
    state.code.unwrap_or(if state.status == Status::Created { 0 } else { 255 })
}

/// `?` is what nobody saw.
fn status(text: &str) -> Option<u8> {
    if text.starts_with('?') { Some(255) } else { text.trim().parse().ok() }
}
