//! A box in the foreground, without a terminal of its own: this process is its parent, and what it reads and writes goes
//! straight from here and to here. There is nobody in between.

use clone_pid::{Container, Running};
use ground::lesson::{Command, run_name, show_card};
use ground::{Error, Result};

use super::boxed::{Boxed, boot, ticks};
use super::compose::{OomWatch, PartsList, container};
use super::made_of::NobodyPrunes;
use super::record::{Spec, State, Status, now};
use super::store::Store;
use crate::flags::Flags;

/// Runs a box to its end; returns the status to exit with.
pub fn foreground<P: PartsList>(
    store: &Store,
    (spec, nobody_prunes): (Spec, Option<NobodyPrunes>),
    mut flags: Flags,
    command: &Command,
) -> Result<u8> {
    let (boxed, _lock) = store.create_in(spec, &starting(false))?;
    drop(nobody_prunes);
    let kept = Kept { store, boxed: &boxed };
    let oom = OomWatch::default();
    boxed.complete(&mut flags);
    let outcome = boxed
        .join_network(&mut flags)
        .and_then(|()| container::<P>(&flags, &boxed.spec.env, &command.argv))
        .map(|container| container.with(oom.part(flags.group())).card(command.card))
        .and_then(|container| start(&boxed, container));
    let running = outcome.inspect_err(|e| kept.failed(e))?;
    let card = running.card().cloned();
    let outcome = running.wait_passing_signals();
    let code = outcome.as_ref().map_or(125, |status| status.code());
    match boxed.spec.auto_remove {
        // Only who waits for it wants to know.
        true => boxed.tell_end(Some(code)),
        false => drop(ended(&boxed, code, oom.killed(), false)),
    }
    outcome?;
    card.map_or(Ok(()), |card| show_card(&card))?;
    Ok(code)
}

/// Starts the command, and says so in the state.
fn start(boxed: &Boxed, container: Container) -> Result<Running> {
    let running = container.start()?;
    started(boxed, &running)?;
    Ok(running)
}

/// The state of a box whose parent is about to start it.
pub fn starting(attachable: bool) -> State {
    let status = Status::Running;
    let (monitor, run, boot) = (std::process::id() as i32, run_name().to_string(), boot());
    State { status, monitor, run, boot, attachable, ..State::default() }
}

/// Writes down which process it is.
pub fn started(boxed: &Boxed, running: &Running) -> Result<()> {
    let pid = running.child().pid().as_raw();
    boxed.update(|state| {
        (state.pid, state.ticks, state.started) = (Some(pid), ticks(pid).unwrap_or(0), now());
        (state.status, state.code, state.oom_killed) = (Status::Running, None, false);
    })?;
    Ok(())
}

/// Writes down how it ended, and returns whether it is to be started again: `again` says what its policy wants, but a box
/// that somebody has stopped stays so. On a full disk that is lost, and whoever looks finds that its parent is gone.
pub fn ended(boxed: &Boxed, code: u8, oom_killed: bool, again: bool) -> bool {
    // First: whoever finds that it has ended finds this, too.
    boxed.tell_end(Some(code));
    let written = boxed.update(|state| {
        let again = again && !state.stopped;
        state.status = if again { Status::Restarting } else { Status::Exited };
        (state.pid, state.finished) = (None, now());
        (state.code, state.oom_killed) = (Some(code), oom_killed);
        state.restarts += u64::from(again);
    });
    written.is_ok_and(|state| state.status == Status::Restarting)
}

/// Removes the box on every way out, if it is to be removed.
struct Kept<'a> {
    store: &'a Store,
    boxed: &'a Boxed,
}

impl Kept<'_> {
    fn failed(&self, error: &Error) {
        let (code, said) = (error.run_status(), error.to_string());
        let _ = self.boxed.update(|state| {
            *state = State { code: Some(code), error: said, ..State::default() };
        });
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        if self.boxed.spec.auto_remove {
            // What cannot be removed now is shown by `ps -a`.
            let _ = self.store.remove(self.boxed);
        }
    }
}
