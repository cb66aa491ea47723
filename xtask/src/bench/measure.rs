//! The measurements.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::runtimes::{Runtime, Stage};
use crate::failure::{Failure, Result};
use crate::{process, sys};

/// How long the machine rests before a cold start: the previous one's remains are cleared away by then.
const REST: Duration = Duration::from_millis(20);

/// The times of one runtime, in rounds.
pub type Times = Vec<Duration>;

/// One start at a time, after a rest.
pub fn cold(stage: &Stage, rounds: u32) -> Result<Vec<Times>> {
    in_turn(stage, rounds, |runtime| {
        let mut command = stage.run(runtime, 0)?;
        thread::sleep(REST);
        timed(&mut command, runtime)
    })
}

/// Three starts back to back; the last is counted.
pub fn warm(stage: &Stage, rounds: u32) -> Result<Vec<Times>> {
    in_turn(stage, rounds, |runtime| {
        let mut command = stage.run(runtime, 0)?;
        timed(&mut command, runtime)?;
        timed(&mut command, runtime)?;
        timed(&mut command, runtime)
    })
}

fn in_turn(
    stage: &Stage,
    rounds: u32,
    mut once: impl FnMut(&Runtime) -> Result<Duration>,
) -> Result<Vec<Times>> {
    let mut times = vec![Times::new(); stage.runtimes.len()];
    for _ in 0..rounds {
        for (runtime, times) in stage.runtimes.iter().zip(&mut times) {
            times.push(once(runtime)?);
        }
    }
    Ok(times)
}

/// Containers per second, with so many at once.
pub fn per_second(stage: &Stage, at_once: usize, seconds: u64) -> Result<Vec<f64>> {
    stage.runtimes.iter().map(|runtime| rate(stage, runtime, at_once, seconds)).collect()
}

fn rate(stage: &Stage, runtime: &Runtime, at_once: usize, seconds: u64) -> Result<f64> {
    let commands =
        (0..at_once).map(|place| stage.run(runtime, place)).collect::<Result<Vec<_>>>()?;
    let begin = Instant::now();
    let end = begin + Duration::from_secs(seconds);
    let done = AtomicU32::new(0);
    thread::scope(|scope| {
        let work = |mut command: Command| {
            let done = &done;
            scope.spawn(move || -> Result<()> {
                while Instant::now() < end {
                    timed(&mut command, runtime)?;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            })
        };
        let workers: Vec<_> = commands.into_iter().map(work).collect();
        let died = |_| Failure::failed("a worker panicked");
        workers.into_iter().try_for_each(|worker| worker.join().map_err(died)?)
    })?;
    Ok(f64::from(done.into_inner()) / begin.elapsed().as_secs_f64())
}

/// Starts one container and waits for its end.
fn timed(command: &mut Command, runtime: &Runtime) -> Result<Duration> {
    if sys::interrupted() {
        return Err(Failure::status(130));
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let begin = Instant::now();
    let status = process::status(command)?;
    let took = begin.elapsed();
    match status.success() {
        true => Ok(took),
        false if sys::interrupted() => Err(Failure::status(130)),
        false => Err(Failure::failed(format!("{}: {status}", runtime.name))),
    }
}
