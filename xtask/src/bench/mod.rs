//! `cargo xtask bench`: what it costs to start a container, beside crun, runc, bubblewrap and the floor,
//! a C program that asks the kernel for the same and does nothing else.
//!
//! Everything is measured in one run and in turn, round by round, so that what disturbs one disturbs all.
//! A time is that of a whole command, from its start to its end: make the container, run `true` in it,
//! remove it.

mod bundle;
mod measure;
mod report;
mod runtimes;

use std::path::{Path, PathBuf};

use clap::Args;

use crate::failure::{Context, Failure, Result};
use crate::sys;
use runtimes::Stage;

/// The arguments of `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// How often each runtime starts a container, cold and warm
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds for each measurement of containers per second
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Write the figures as JSON to this file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Builds, measures, reports.
pub fn bench(args: &BenchArgs) -> Result<()> {
    if !sys::is_root() {
        return Err(Failure::unusable(
            "containers are started hundreds of times: run as root, sudo -E cargo xtask bench",
        ));
    }
    sys::outlive_interrupts();
    hide_empty_v2()?;
    let stage = Stage::set()?;
    let mut report = report::Report::begin(&stage);
    for skipped in &stage.missing {
        report.could_not(skipped);
    }
    report.cold(&measure::cold(&stage, args.rounds)?);
    report.warm(&measure::warm(&stage, args.rounds)?);
    for at_once in [1, 2, 4, 8] {
        report.per_second(at_once, &measure::per_second(&stage, at_once, args.seconds)?);
    }
    match measure::system_calls(&stage)? {
        Some(counts) => report.system_calls(&counts),
        None => report.could_not("system calls: strace is not installed"),
    }
    print!("{report}");
    match &args.json {
        Some(file) => std::fs::write(file, report.json()).doing("write", file),
        None => Ok(()),
    }
}

/// crun takes a host with v1 controllers and an empty v2 mount for a v2 host, and gives up. So nobody sees that mount: this
/// process and its children get mounts of their own, without it.
fn hide_empty_v2() -> Result<()> {
    let table = Path::new("/proc/self/mountinfo");
    let mounts = std::fs::read_to_string(table).doing("read", table)?;
    let v2 = mounts.lines().filter(|line| line.contains(" - cgroup2 "));
    let points = v2.filter_map(|line| line.split(' ').nth(4)).filter(|at| *at != "/sys/fs/cgroup");
    for point in points.map(Path::new) {
        sys::unmount_for_us(point).doing("unmount, in mounts of our own,", point)?;
    }
    Ok(())
}
