//! The commands, one file each; their names and flags are Docker's.

mod attach;
mod create;
mod diff;
mod exec;
mod info;
mod inspect;
mod kill;
mod logs;
mod pause;
mod port;
mod prune;
mod ps;
mod rename;
mod restart;
mod rm;
pub mod run;
mod start;
mod stats;
mod stop;
mod top;
mod wait;

use std::io::{self, Write};
use std::marker::PhantomData;
use std::path::PathBuf;

use clap::{ArgMatches, CommandFactory};
use ground::call::quietly;
use ground::interrupt::Interrupted;
use ground::lesson::{OwnVerb, arguments};
use ground::{Error, Result};
use nix::sys::signal::Signal;

pub(super) use pause::place;

use super::boxed::Boxed;
use super::compose::PartsList;
use super::store::Store;

/// All of them, for boxes made of these parts.
pub struct Verbs<P>(PhantomData<P>);

impl<P: PartsList> Verbs<P> {
    /// In the order of `--help`.
    pub const ALL: &'static [OwnVerb] = &[
        OwnVerb { like_run: true, command: create::command, run: create::run },
        OwnVerb { like_run: true, ..verb::<start::Start>(start::run::<P>) },
        OwnVerb { like_run: true, ..verb::<exec::Exec>(exec::run::<P>) },
        verb::<attach::Attach>(attach::run),
        verb::<ps::Ps>(ps::run),
        verb::<inspect::Inspect>(inspect::run),
        verb::<logs::Logs>(logs::run),
        verb::<top::Top>(top::run),
        verb::<diff::Diff>(diff::run),
        verb::<port::Port>(port::run),
        verb::<stats::Stats>(stats::run),
        verb::<stop::Stop>(stop::run),
        verb::<kill::Kill>(kill::run),
        verb::<pause::Pause>(pause::pause),
        verb::<pause::Unpause>(pause::unpause),
        OwnVerb { like_run: true, ..verb::<restart::Restart>(restart::run::<P>) },
        verb::<wait::Wait>(wait::run),
        verb::<rm::Rm>(rm::run),
        verb::<rename::Rename>(rename::run),
        verb::<prune::Prune>(prune::run),
        overlay::beyond::image::IMAGE,
        overlay::beyond::image::BUILD,
        verb::<info::Info>(info::run),
        verb::<info::Version>(info::version),
    ];
}

const fn verb<A: CommandFactory>(run: fn(&ArgMatches) -> Result<u8>) -> OwnVerb {
    OwnVerb { command: A::command, run, like_run: false }
}

/// Prints a line. A reader that had enough (`| head`) ends us like SIGPIPE would.
fn say(line: impl std::fmt::Display) -> Result<()> {
    match writeln!(io::stdout().lock(), "{line}") {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {
            std::panic::resume_unwind(Box::new(Interrupted(Signal::SIGPIPE)))
        }
        written => quietly("write to standard output").run(|| written),
    }
}

/// Does it for each box that is named, and prints the name; what fails does not keep the others. The status to exit with.
fn each(words: &[String], mut act: impl FnMut(&Store, &Boxed) -> Result<()>) -> Result<u8> {
    let store = Store::open()?;
    let mut status = 0;
    for word in words {
        match store.find(word).and_then(|boxed| act(&store, &boxed)) {
            Ok(()) => say(word)?,
            Err(e) => {
                status = e.status();
                complain(&e);
            }
        }
    }
    Ok(status)
}

/// One line on standard error.
fn complain(error: &Error) {
    let program = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let name = program.file_name().unwrap_or_default().display();
    let _ = writeln!(io::stderr().lock(), "{name}: {error}");
}

/// Columns that are as wide as what is in them.
fn table(rows: &[Vec<String>]) -> Result<()> {
    let columns = rows.first().map_or(0, Vec::len);
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        say(cells.collect::<Vec<_>>().join("   ").trim_end())?;
    }
    Ok(())
}
