//! Boxes that stay: what one more command, a stop and a removal cost, and what it takes to have many at once.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::memory;
use super::runtimes::{Kind, Runtime, Stage, Verb};
use crate::failure::{Context, Failure, Result};
use crate::{process, sys};

/// How long a box may take to end.
const PATIENCE: Duration = Duration::from_secs(20);

const SIGTERM: i32 = 15;

/// A box whose command runs. Removed with the value, however that goes.
#[derive(Debug)]
pub struct Alive<'a> {
    stage: &'a Stage,
    runtime: &'a Runtime,
    place: usize,
    /// The first process of the box, as the host counts.
    first: u32,
    /// The runtime's process, when it stays with its box.
    stays: Option<Child>,
    gone: bool,
}

impl<'a> Alive<'a> {
    /// Starts one. The time ends when its command runs and the runtime's has ended, if it does.
    pub fn start(
        stage: &'a Stage,
        runtime: &'a Runtime,
        place: usize,
    ) -> Result<(Alive<'a>, Duration)> {
        let mut command = stage.start_alive(runtime, place)?;
        command.stdout(Stdio::null());
        let begin = Instant::now();
        let stays = match runtime.kind {
            Kind::Floor | Kind::Bubblewrap => {
                Some(command.spawn().doing("start", &runtime.program)?)
            }
            Kind::Ours | Kind::Oci => succeed(&mut command).map(|()| None)?,
        };
        // From here on there is something to remove.
        let mut alive = Alive { stage, runtime, place, first: 0, stays, gone: false };
        stage.home.wait_until_ready()?;
        let took = begin.elapsed();
        alive.first = alive.find_first()?;
        Ok((alive, took))
    }

    /// One more command in it.
    pub fn exec(&self) -> Result<Duration> {
        self.timed(Verb::Exec)
    }

    /// SIGTERM; until the command and the box's first process have both ended.
    pub fn stop(&self) -> Result<Duration> {
        let first = self.pidfd()?;
        let begin = Instant::now();
        self.timed(Verb::Stop)?;
        ended(&first).map(|()| begin.elapsed())
    }

    /// Of a box that has ended.
    pub fn delete(mut self) -> Result<Duration> {
        let took = self.timed(Verb::Delete)?;
        self.gone = true;
        Ok(took)
    }

    /// Whatever state it is in, as far as the runtime knows how; else its first process is ended, and the runtime with it.
    pub fn remove(mut self) -> Result<Duration> {
        self.take_away()
    }

    fn take_away(&mut self) -> Result<Duration> {
        self.gone = true;
        let begin = Instant::now();
        match self.stays.take() {
            Some(mut child) => {
                let last = if self.first == 0 { youngest(child.id()) } else { self.first };
                sys::kill(last, SIGTERM).doing("end process", Path::new(&last.to_string()))?;
                child.wait().doing("wait for", &self.runtime.program)?;
            }
            None => drop(self.timed(Verb::Remove)?),
        }
        Ok(begin.elapsed())
    }

    fn timed(&self, verb: Verb) -> Result<Duration> {
        let command = self.stage.verb(self.runtime, verb, self.place);
        let none = || Failure::failed(format!("{}: no word for {verb:?}", self.runtime.name));
        let mut command = command.ok_or_else(none)?;
        let begin = Instant::now();
        succeed(&mut command)?;
        Ok(begin.elapsed())
    }

    fn pidfd(&self) -> Result<OwnedFd> {
        sys::pidfd(self.first).doing("open process", Path::new(&self.first.to_string()))
    }

    fn find_first(&self) -> Result<u32> {
        match (&self.stays, self.runtime.kind) {
            (Some(child), _) => Ok(youngest(child.id())),
            (None, Kind::Oci) => {
                let file = self.stage.pid_file(self.place);
                let text = fs::read_to_string(&file).doing("read", &file)?;
                text.trim().parse().map_err(|_| Failure::failed(format!("{text:?} is no process")))
            }
            (None, _) => self.inspected(),
        }
    }

    fn inspected(&self) -> Result<u32> {
        let mut inspect = Command::new(&self.runtime.program);
        let text = process::stdout(inspect.arg("inspect").arg(self.stage.box_name(self.place)))?;
        let object: Option<Value> = serde_json::from_str(&text).ok();
        let pid = object.and_then(|boxes| boxes.pointer("/0/State/Pid")?.as_u64());
        pid.and_then(|pid| u32::try_from(pid).ok())
            .ok_or_else(|| Failure::failed("inspect names no process"))
    }
}

impl Drop for Alive<'_> {
    fn drop(&mut self) {
        if !self.gone {
            // What stays is found by `clean`.
            let _ = self.take_away();
        }
    }
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = process::status(command)?;
    if sys::interrupted() {
        return Err(Failure::status(130));
    }
    let failed = || Failure::failed(format!("{}: {status}", command.get_program().display()));
    if status.success() { Ok(()) } else { Err(failed()) }
}

/// The last in the line of descendants: PID 1 of a box, below a runtime that stays with it.
fn youngest(pid: u32) -> u32 {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let child = children.ok().and_then(|list| list.split_whitespace().next()?.parse().ok());
    child.map_or(pid, youngest)
}

fn ended(process: &OwnedFd) -> Result<()> {
    match sys::wait_for(process, PATIENCE) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::failed("a box got SIGTERM and did not end")),
        Err(error) => Err(Failure::failed(format!("poll a process: {error}"))),
    }
}

/// The times of one more command, a stop, a removal, in rounds; `None` for a runtime that has no words for them.
pub type Verbs = Option<[Vec<Duration>; 3]>;

/// In turn, as starts are.
pub fn verbs(stage: &Stage, rounds: u32) -> Result<Vec<Verbs>> {
    let has = |runtime| stage.verb(runtime, Verb::Exec, 0).is_some();
    let mut times: Vec<Verbs> =
        stage.runtimes.iter().map(|r| has(r).then(Default::default)).collect();
    for _ in 0..rounds {
        for (runtime, times) in stage.runtimes.iter().zip(&mut times) {
            let Some([exec, stop, delete]) = times else { continue };
            let (alive, _) = Alive::start(stage, runtime, 0)?;
            exec.push(alive.exec()?);
            stop.push(alive.stop()?);
            delete.push(alive.delete()?);
            sys::reap_orphans();
        }
    }
    Ok(times)
}

/// What so many boxes at once take.
#[derive(Debug, Clone, Copy)]
pub struct Crowd {
    /// How many.
    pub count: usize,
    /// From the first start to the last box that runs.
    pub start: Duration,
    /// From the first removal to the last.
    pub remove: Duration,
    /// By how much `MemAvailable` went down, in KiB: all that the kernel keeps for them, and other people's doings.
    pub available_kib: i64,
    /// Pss of their processes together, in KiB: commands, monitors, runtimes that stay.
    pub processes_kib: u64,
    /// What is charged to their own groups, in KiB, the kernel's memory for them included; `None` without a group.
    pub charged_kib: Option<u64>,
}

/// How long the kernel may go on with what it has put off: groups and network namespaces are taken down later.
const SETTLE: Duration = Duration::from_secs(2);

/// Starts so many, looks, and removes them. The kernel keeps some of what it got for the first crowd, and gives it to the
/// next: let one go before that is not counted.
pub fn crowd(stage: &Stage, runtime: &Runtime, count: usize) -> Result<Crowd> {
    thread::sleep(SETTLE);
    let before = memory::available()?;
    let mut boxes = Vec::with_capacity(count);
    let mut start = Duration::ZERO;
    for place in 0..count {
        let (alive, took) = Alive::start(stage, runtime, place)?;
        boxes.push(alive);
        start += took;
    }
    thread::sleep(SETTLE);
    let available_kib = before - memory::available()?;
    let processes_kib = memory::pss_of(&runtime.program)?;
    let charged = boxes.iter().map(|alive| memory::charged_to(alive.first));
    let charged_kib = match runtime.kind {
        Kind::Bubblewrap => None,
        _ => charged.sum(),
    };
    let mut remove = Duration::ZERO;
    for alive in boxes {
        remove += alive.remove()?;
    }
    sys::reap_orphans();
    Ok(Crowd { count, start, remove, available_kib, processes_kib, charged_kib })
}
