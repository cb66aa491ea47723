//! `run`: makes a box, starts it, and stays with it unless told not to.

use std::ffi::OsString;

use ground::Result;
use ground::lesson::Command;

use super::say;
use crate::beyond::runtime::attach::{Outcome, Session, window};
use crate::beyond::runtime::compose::PartsList;
use crate::beyond::runtime::foreground::foreground;
use crate::beyond::runtime::line::Line;
use crate::beyond::runtime::monitor::launch;
use crate::beyond::runtime::record::Spec;
use crate::beyond::runtime::store::Store;
use crate::flags::Flags;

// ANCHOR: run
/// Three ways to be with a box: in the foreground nobody is between it and us; with a terminal of its own, or detached, a
/// monitor is.
pub fn run<P: PartsList>(flags: Flags, command: Command) -> Result<u8> {
    let store = Store::open()?;
    let runtime = &flags.runtime;
    let foreground_only = !runtime.detach && !runtime.tty;
    let mut spec = Spec::new(&flags, &words("run"), &command.argv)?;
    // Nobody could want anything of it when it has ended: it has no name, and wrote no log. Lessons leave nothing behind.
    spec.auto_remove |= foreground_only && runtime.name.is_none() && runtime.label.is_empty();
    spec.choose_network(&flags, &store)?;
    let nobody_prunes = spec.choose_image(&flags)?;
    if foreground_only {
        return foreground::<P>(&store, (spec, nobody_prunes), flags, &command);
    }
    let boxed = store.create(spec)?;
    drop(nobody_prunes);
    let wire = launch::<P>(&boxed, window())?;
    if runtime.detach {
        say(&boxed.spec.id)?;
        return Ok(0);
    }
    stay(Session::begin(Line::Monitor(wire), true, runtime.interactive)?)
}
// ANCHOR_END: run

/// Attached until the end; the status of the box is ours. Who leaves leaves well.
pub(super) fn stay(session: Session) -> Result<u8> {
    match session.run()? {
        Outcome::Ended(code) => Ok(code),
        Outcome::Detached => Ok(0),
    }
}

/// What was typed after the verb. Before it stand only flags that take no value.
pub(super) fn words(verb: &str) -> Vec<OsString> {
    std::env::args_os().skip_while(|word| word != verb).skip(1).collect()
}
