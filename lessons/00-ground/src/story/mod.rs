//! The narration: one stream of events in two lanes, HOST and BOX, with several faces.
//!
//! Mechanism never prints. It tells what it does through [`crate::call::doing`], and a demo adds its steps, the evidence
//! that it read back from the kernel, and what follows. Whoever listens renders the stream: [`Face::Colour`] for a
//! terminal, [`Face::Plain`] for pipes, [`Face::Json`] for programs. Inside a box the listener is the socket to the host
//! ([`tell_over`]), so the two lanes stay one ordered stream. Without a listener nothing is formatted.

mod bar;
mod event;
mod lanes;
mod series;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Write};
use std::os::fd::{AsFd, RawFd};

pub use event::{CardRow, Event, Lane, Verdict};
pub use lanes::Lanes;
pub use series::{Reading, Series};

use crate::text::{Redactor, Text};

/// How the stream is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// Two coloured lanes.
    Colour,
    /// The same without colour.
    Plain,
    /// One JSON object a line.
    Json,
}

/// Takes each event in turn.
type Listener = Box<dyn FnMut(&Event) -> io::Result<()>>;

struct Teller {
    listener: Listener,
    lane: Lane,
    trouble: Option<io::Error>,
    /// Wait for Enter before each step but the first.
    wait_at_steps: bool,
    steps: usize,
}

thread_local! {
    static TELLER: RefCell<Option<Teller>> = const { RefCell::new(None) };
}

/// Shows the story on `out` from now on.
pub fn tell_to(face: Face, out: impl Write + 'static) {
    match face {
        Face::Json => listen(Lane::Host, json_lines(out)),
        Face::Colour | Face::Plain => {
            let mut lanes = Lanes::new(out, None);
            listen(Lane::Host, Box::new(move |event| lanes.show(event)));
        }
    }
}

/// Shows it on a terminal, where values that change are a bar in the last line. `fd` is the terminal's descriptor.
pub fn tell_live(out: impl Write + 'static, fd: RawFd) {
    let mut lanes = Lanes::new(out, None).on_terminal(fd);
    listen(Lane::Host, Box::new(move |event| lanes.show(event)));
}

/// Inside a box: hands every event, in JSON, to `send`, which carries it to the host.
pub fn tell_over(mut send: impl FnMut(&[u8]) -> io::Result<()> + 'static) {
    listen(Lane::Box, Box::new(move |event| send(&serde_json::to_vec(event)?)));
}

/// Stops telling. Returns what went wrong while writing, if anything did.
pub fn stop() -> Option<io::Error> {
    TELLER.with_borrow_mut(Option::take).and_then(|teller| teller.trouble)
}

fn listen(lane: Lane, listener: Listener) {
    TELLER.set(Some(Teller { listener, lane, trouble: None, wait_at_steps: false, steps: 0 }));
}

/// From now on waits for Enter before each step but the first.
pub fn wait_at_steps(wait: bool) {
    TELLER.with_borrow_mut(|teller| teller.iter_mut().for_each(|t| t.wait_at_steps = wait));
}

/// Waits for Enter on standard input; at its end the rest is told without waiting.
fn wait_for_enter() {
    let stdin = io::stdin();
    // Not part of the story: a recording of it must not hold prompts.
    let _ = io::stderr().write_all(b"\n  [Enter] ");
    loop {
        crate::interrupt::wait_readable(stdin.as_fd());
        let mut byte = [0];
        match nix::unistd::read(&stdin, &mut byte) {
            Ok(1) if byte != *b"\n" => continue,
            Ok(1) => return,
            _ => return wait_at_steps(false),
        }
    }
}

/// Whether the step about to be told must wait for the reader.
fn must_wait() -> bool {
    TELLER.with_borrow_mut(|teller| {
        let Some(teller) = teller else { return false };
        teller.steps += 1;
        teller.wait_at_steps && teller.lane == Lane::Host && teller.steps > 1
    })
}

fn json_lines(mut out: impl Write + 'static) -> Listener {
    Box::new(move |event| {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        out.write_all(&line)?;
        out.flush()
    })
}

/// Does something without telling it: a measurement that would repeat the same lines a hundred times.
pub fn muted<T>(do_it: impl FnOnce() -> T) -> T {
    let teller = TELLER.take();
    let result = do_it();
    TELLER.set(teller);
    result
}

/// Whether anybody listens.
pub fn listening() -> bool {
    TELLER.with_borrow(Option::is_some)
}

/// Passes an event on as it is.
pub fn emit(event: &Event) {
    TELLER.with_borrow_mut(|teller| {
        let Some(teller) = teller else { return };
        // After the first write error (a closed pipe, a full disk) the story goes on unheard: what was begun on the
        // host must still be undone. The error is reported by `stop`.
        if teller.trouble.is_none() {
            teller.trouble = (teller.listener)(event).err();
        }
    });
}

fn lane() -> Lane {
    TELLER.with_borrow(|teller| teller.as_ref().map_or(Lane::Host, |t| t.lane))
}

fn text(of: impl Display) -> Text {
    Text::from(of.to_string())
}

/// Tells what is about to happen, and why.
pub fn step(what: impl Display) {
    crate::interrupt::check();
    if must_wait() {
        wait_for_enter();
    }
    if listening() {
        emit(&Event::Step { lane: lane(), text: text(what) });
    }
}

/// Tells a system call and its result; [`crate::call::doing`] does.
pub fn call(what: impl Display, shell: Option<&str>, result: &str) {
    let (call, shell) = (text(what), shell.map(text));
    emit(&Event::Call { lane: lane(), call, shell, result: text(result) });
}

/// Tells what was read back, and from where.
pub fn evidence(source: impl Display, value: impl Display) {
    if listening() {
        emit(&Event::Evidence { lane: lane(), source: text(source), value: text(value) });
    }
}

/// Tells evidence that a process inside the box gave: a line it printed, its exit status.
pub fn box_evidence(source: impl Display, value: impl Display) {
    if listening() {
        emit(&Event::Evidence { lane: Lane::Box, source: text(source), value: text(value) });
    }
}

/// Tells one line that the command in the box printed.
pub fn output(line: impl Display) {
    if listening() {
        emit(&Event::Output { lane: Lane::Box, text: text(line) });
    }
}

/// Tells what follows from the evidence.
pub fn conclude(what: impl Display) {
    if listening() {
        emit(&Event::Conclusion { text: text(what) });
    }
}

/// Tells something beside the story: a limit of this machine, where to read on.
pub fn note(what: impl Display) {
    if listening() {
        emit(&Event::Note { text: text(what) });
    }
}

/// Tells what the user should know even if nobody listens: then it is a line on standard error.
pub fn notice(what: impl Display) {
    match listening() {
        true => note(what),
        // A closed standard error is no reason to fail.
        false => drop(writeln!(io::stderr(), "{}", text(what))),
    }
}

/// Tells the outcome of an experiment, claim by claim.
pub fn verdict(
    lesson: &str,
    experiment: &str,
    claims: &BTreeMap<String, Verdict>,
    why: Option<&str>,
) {
    emit(&Event::Verdict {
        lesson: lesson.to_string(),
        experiment: experiment.to_string(),
        claims: claims.clone(),
        reason: why.map(str::to_string),
    });
}

/// Renders recorded events as [`Face::Plain`] does; with `redact`, every varying value becomes a numbered placeholder.
pub fn render_plain(events: &[Event], redact: bool) -> String {
    let mut out = Vec::new();
    let mut lanes = Lanes::new(&mut out, redact.then(Redactor::default));
    for event in events {
        // A Vec takes every write.
        let _ = lanes.show(event);
    }
    drop(lanes);
    String::from_utf8_lossy(&out).into_owned()
}
