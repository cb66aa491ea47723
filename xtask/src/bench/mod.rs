//! `cargo xtask bench`: what a container costs, beside crun, runc, bubblewrap and the floor, a C program that asks the
//! kernel for the same and does nothing else.
//!
//! Everything is measured in one run and in turn, round by round, so that what disturbs one disturbs all.
//!
//! | to see … | look in |
//! | --- | --- |
//! | who is measured, and by which commands | [`runtimes`], [`bundle`] |
//! | starts: cold, back to back, many a second; system calls | [`measure`], [`calls`] |
//! | boxes that stay: one more command, stop, removal, hundreds at once | [`alive`], [`memory`] |
//! | where it keeps all that, and why a `kill -9` leaves nothing | [`home`] |
//! | the table, and the JSON with what each field means | [`report`], [`machine`] |
//!
//! `--record` writes the JSON into `book/bench.json`, from which the book draws its charts.

mod alive;
mod bundle;
mod calls;
mod home;
mod machine;
mod measure;
mod memory;
mod report;
mod runtimes;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::failure::{Context, Failure, Result};
use crate::{sys, workspace};
use report::Report;
pub use runtimes::Stage;

/// The arguments of `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// How often each runtime starts, enters, stops and deletes a container
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    /// Seconds for each measurement of containers per second
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Containers of each runtime that are alive at once
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=5000))]
    alive: u64,
    /// Measure only this; may be repeated
    #[arg(long, value_enum, value_name = "WHAT")]
    only: Vec<What>,
    /// Write the figures as JSON to this file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the figures to book/bench.json: the book shows them
    #[arg(long, conflicts_with_all = ["only", "json"])]
    record: bool,
}

/// A part of the measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// One start, cold and back to back
    Start,
    /// Containers per second, with 1, 2, 4 and 8 at once
    Rate,
    /// System calls of one start
    Calls,
    /// exec, stop, delete
    Verbs,
    /// Many containers alive at once
    Alive,
}

/// Builds, measures, reports.
pub fn bench(args: &BenchArgs) -> Result<()> {
    root_only("containers are started hundreds of times")?;
    sys::outlive_interrupts();
    sys::adopt_orphans().doing("become the reaper of", "orphans".as_ref())?;
    eprintln!("building; a release build takes minutes the first time …");
    let report =
        Stage::set().and_then(|stage| measured(args, &stage)).map_err(unless_interrupted)?;
    print!("{report}");
    let book = workspace::root().join("book/bench.json");
    match args.json.as_ref().or(args.record.then_some(&book)) {
        Some(file) => std::fs::write(file, report.json()).doing("write", file),
        None => Ok(()),
    }
}

/// What Ctrl-C breaks needs no explanation.
fn unless_interrupted(why: Failure) -> Failure {
    if sys::interrupted() { Failure::status(130) } else { why }
}

/// Lessons ask for root themselves. Here one process must be root from beginning to end.
pub fn root_only(why: &str) -> Result<()> {
    match sys::is_root() {
        true => Ok(()),
        false => Err(Failure::unusable(format!("{why}: run as root, sudo -E cargo xtask …"))),
    }
}

fn measured(args: &BenchArgs, stage: &Stage) -> Result<Report> {
    let settings = json!({"rounds": args.rounds, "seconds": args.seconds, "alive": args.alive});
    let mut report = Report::begin(stage, settings);
    let wanted = |what| args.only.is_empty() || args.only.contains(&what);
    if wanted(What::Start) {
        eprintln!("one start at a time …");
        report.cold(&measure::cold(stage, args.rounds)?);
        report.warm(&measure::warm(stage, args.rounds)?);
    }
    if wanted(What::Rate) {
        for at_once in [1, 2, 4, 8] {
            eprintln!("{at_once} at once, {} s for each runtime …", args.seconds);
            report.per_second(at_once, &measure::per_second(stage, at_once, args.seconds)?);
        }
    }
    if wanted(What::Calls) {
        eprintln!("system calls …");
        match calls::system_calls(stage)? {
            Some(counts) => report.system_calls(&counts),
            None => report.not_measured("system calls: strace is not installed"),
        }
    }
    if wanted(What::Verbs) {
        eprintln!("exec, stop, delete …");
        report.verbs(&alive::verbs(stage, args.rounds)?);
    }
    if wanted(What::Alive) {
        eprintln!("{} alive at once, of each runtime …", args.alive);
        crowds(stage, args.alive as usize, &mut report)?;
    }
    Ok(report)
}

/// A runtime that cannot have so many is not in the figures; the others are.
fn crowds(stage: &Stage, count: usize, report: &mut Report) -> Result<()> {
    let first = stage.runtimes.first().map(|runtime| alive::crowd(stage, runtime, count));
    if let Some(Err(why)) = first
        && sys::interrupted()
    {
        return Err(why);
    }
    for (index, runtime) in stage.runtimes.iter().enumerate() {
        match alive::crowd(stage, runtime, count) {
            Ok(crowd) => report.crowd(index, &crowd),
            Err(why) if sys::interrupted() => return Err(why),
            Err(why) => {
                report.not_measured(format!("{}: {count} boxes at once: {why}", runtime.name));
            }
        }
    }
    Ok(())
}
